"""What changes customers. Other rooms call these and write no table of this room themselves."""

from tresen.customers.actions.companies import define_field, upsert_company
from tresen.customers.actions.identities import add_identity, confirm_identity, remove_identity
from tresen.customers.actions.imports import Report, import_records
from tresen.customers.actions.people import change_customer, create_customer
from tresen.customers.actions.recognition import recognise
from tresen.customers.actions.records import RecordFields, upsert_record
from tresen.customers.engine.claims import IdentityClaim

__all__ = [
    "IdentityClaim",
    "RecordFields",
    "Report",
    "add_identity",
    "change_customer",
    "confirm_identity",
    "create_customer",
    "define_field",
    "import_records",
    "recognise",
    "remove_identity",
    "upsert_company",
    "upsert_record",
]
