"""Archives the mail of a generic inbox into a CRM and links it to the contacts."""

__version__ = "0.1.0"
