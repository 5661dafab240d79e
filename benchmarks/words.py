"""Words of several languages, to write mail of: as in an office, nobody's real mail."""

from dataclasses import dataclass
from random import Random

SENTENCE_WORDS = (5, 18)
PARAGRAPH_SENTENCES = (2, 6)


@dataclass(frozen=True)
class Language:
    """How people write in it, and how often we meet them."""

    weight: int
    greeting: str
    closing: str
    words: tuple[str, ...]

    def sentence(self, random: Random) -> str:
        """Words at random, a number or a reference among them now and then, so that no two are alike."""
        words = random.choices(self.words, k=random.randint(*SENTENCE_WORDS))
        if random.random() < 0.3:
            words[random.randrange(len(words))] = f"{random.randint(10, 99999)}"
        text = " ".join(words)
        return text[0].upper() + text[1:] + random.choice([".", ".", ".", "?", "!", ";"])

    def paragraph(self, random: Random) -> str:
        """Some sentences, on one line."""
        return " ".join(self.sentence(random) for _ in range(random.randint(*PARAGRAPH_SENTENCES)))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


LANGUAGES = (
    Language(
        40,
        "Dear {},",
        "Kind regards,",
        _words(
            "the of and to in for is on that with as at by this we you our your will can have from or "
            "please offer order delivery invoice meeting contract price quality project schedule "
            "attached regarding confirm send receive discuss agree sign deadline budget sample colour "
            "drawing measurements reading room lamp garden lobby winter hours bookshop window "
            "installation electrician transport warranty payment account quarter results report "
            "customer supplier warehouse shipment tomorrow Monday Thursday morning afternoon yesterday "
            "next week month available possible necessary unfortunately finally already again together "
            "between because although therefore however"
        ),
    ),
    Language(
        20,
        "Guten Tag {},",
        "Mit freundlichen Grüßen",
        _words(
            "der die das und in zu den mit von für auf ist im nicht ein eine als auch es an werden aus "
            "er hat dass sie nach wird bei Angebot Auftrag Lieferung Rechnung Besprechung Vertrag Preis "
            "Qualität Maße Größe Prüfung Änderung Übergabe bestätigen übermitteln erhalten vereinbaren "
            "unterschreiben Frist Muster Farbe Zeichnung Leuchte Garten Öffnungszeiten Fenster Montage "
            "Elektriker Gewähr Zahlung Konto Quartal Ergebnis Bericht Kunde Lieferant Lager Sendung "
            "morgen Montag Donnerstag nächste Woche verfügbar möglich nötig leider schließlich bereits "
            "wieder zusammen zwischen weil"
        ),
    ),
    Language(
        15,
        "Bonjour {},",
        "Bien cordialement,",
        _words(
            "le la les de des et à un une est que pour dans en sur avec ne pas par ce qui au plus nous "
            "vous notre votre devis commande livraison facture réunion contrat prix qualité projet "
            "délai ci-joint concernant confirmer envoyer recevoir échanger signer échéance échantillon "
            "couleur cuisine appliques lumière mesures éclairage fenêtre électricien garantie paiement "
            "trimestre résultat fournisseur entrepôt expédition demain lundi jeudi matin après-midi "
            "hier semaine disponible nécessaire malheureusement déjà ensemble entre parce-que cependant "
            "très élevé"
        ),
    ),
    Language(
        8,
        "Estimado {}:",
        "Un cordial saludo,",
        _words(
            "el la los de y en que a un una para con por su no se lo más como está muy también oferta "
            "pedido entrega factura reunión contrato precio calidad proyecto plazo adjunto confirmar "
            "enviar recibir firmar muestra diseño habitación jardín lámpara iluminación ventana "
            "garantía pago cuenta año resultado almacén envío mañana lunes jueves tarde ayer próxima "
            "semana disponible necesario señal"
        ),
    ),
    Language(
        7,
        "Szanowny Panie {},",
        "Z poważaniem",
        _words(
            "i w na z do się nie że jest to o po za od dla jak oraz przez oferta zamówienie dostawa "
            "faktura spotkanie umowa cena jakość projekt załącznik dotyczy potwierdzić wysłać otrzymać "
            "podpisać termin próbka kolor rysunek wymiary oświetlenie ogród okno elektryk gwarancja "
            "płatność kwartał wynik klient dostawca magazyn przesyłka jutro poniedziałek czwartek rano "
            "wczoraj tydzień dostępny"
        ),
    ),
    Language(
        6,
        "Здравствуйте, {}!",
        "С уважением,",
        _words(
            "и в не на что с по для от мы вы наш ваш это как к из у за предложение заказ доставка счёт "
            "встреча договор цена качество проект срок вложение подтвердить отправить получить "
            "подписать образец цвет чертёж размеры освещение сад окно электрик гарантия оплата квартал "
            "результат клиент поставщик склад завтра понедельник четверг утром вчера неделя доступно "
            "необходимо"
        ),
    ),
    Language(
        4,
        "{} 様",
        "よろしくお願いいたします。",
        _words(
            "お世話になっております 見積書を添付いたしました ご確認ください 納期について 来週の会議は "
            "照明器具の設置 請求書番号 "
            "月曜日の午前 品質検査の結果 契約書に署名 "
            "ご都合はいかがでしょうか 色見本 図面 "
            "寸法 倉庫から出荷 保証期間 お支払い 第三四半期 株式会社 担当者 早急に 明日"
        ),
    ),
)


def a_language(random: Random) -> Language:
    """One of them, the frequent ones more often."""
    return random.choices(LANGUAGES, [each.weight for each in LANGUAGES])[0]
