"""Who writes to whom: our own staff, and a few thousand people at some hundred companies."""

from dataclasses import dataclass
from email.header import Header
from email.headerregistry import Address
from random import Random

OUR_DOMAIN = "example.com"
GENERIC_ADDRESS = f"crm@{OUR_DOMAIN}"
CONTACTS = 4000
_STAFF = 25
_COMPANIES = 400
_STRANGERS = 1500

_FIRST_NAMES = [
    "Ann",
    "Bo",
    "Camille",
    "Dieter",
    "Élodie",
    "François",
    "Grażyna",
    "Hannah",
    "Иван",
    "José",
    "Kamil",
    "Łukasz",
    "Marie",
    "Nils",
    "Olga",
    "Paweł",
    "Quentin",
    "Renée",
    "Søren",
    "Thomas",
    "Ursula",
    "Víctor",
    "Wanda",
    "Xavier",
    "Yuki",
    "Zoë",
]
_LAST_NAMES = [
    "Aubry",
    "Bauer",
    "Chevalier",
    "Dąbrowski",
    "Edwards",
    "Fischer",
    "García",
    "Hoffmann",
    "Ito",
    "Jørgensen",
    "Kowalska",
    "Lefèvre",
    "Müller",
    "Nowak",
    "O'Brien",
    "Петров",
    "Quint",
    "Rossi",
    "Schäfer",
    "Taylor",
    "Ulrich",
    "Vidal",
    "Weiß",
    "Young",
    "Zimmermann",
]


@dataclass(frozen=True)
class Person:
    """With an address that is theirs alone."""

    name: str
    address: str

    def field(self) -> str:
        """As a header names them: RFC 2047 where the name is no ASCII."""
        if self.name.isascii():
            return str(Address(self.name, addr_spec=self.address))
        return f"{Header(self.name, 'utf-8').encode()} <{self.address}>"


@dataclass(frozen=True)
class People:
    """`contacts` are those whom the CRM knows; `strangers` write too."""

    staff: list[Person]
    contacts: list[Person]
    strangers: list[Person]

    def a_client(self, random: Random) -> Person:
        """Most of them are known, and some write far more than others."""
        known = self.contacts if random.random() < 0.75 else self.strangers
        return known[int(len(known) * random.random() ** 2)]


def people(contacts: int = CONTACTS) -> People:
    """The same people each time, whatever the corpus."""
    random = Random(0)

    def some(count: int, domain: str) -> list[Person]:
        return [
            Person(
                f"{random.choice(_FIRST_NAMES)} {random.choice(_LAST_NAMES)}",
                f"p{random.randrange(16**6):06x}.{n}@{domain.format(random.randrange(_COMPANIES))}",
            )
            for n in range(count)
        ]

    return People(
        staff=some(_STAFF, OUR_DOMAIN),
        contacts=some(contacts, "company-{}.example"),
        strangers=some(_STRANGERS, "elsewhere-{}.example"),
    )
