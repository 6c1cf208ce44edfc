"""The sources of lists of people: contacts, the audience records of a campaign, the register of opt-outs."""

from django.db.models import QuerySet

from accounts.models import Account
from analytics import audience_records
from analytics.downloads.lists import campaign_of
from analytics.downloads.sources import Params, Source, Unknown, register
from audiences import contact_search, segments
from audiences.models import Audience, Contact, ContactImport, ImportedContact, OptOut
from audiences.rules import builder
from campaigns.models import Enrollment
from integrations.models import SendingNumber


def _contacts(account: Account, params: Params) -> QuerySet[Contact]:
    """Whom the list of contacts shows for the same address, on all its pages."""
    found: QuerySet[Contact] = Contact.objects.filter(account=account)
    rules = _rules(account, params)
    try:
        if rules is not None:
            found = segments.contacts(account, rules)
        elif params.get("import"):
            found = found.filter(pk__in=_imported(account, params))
        elif "mirrored" in params:
            found = found.filter(servicetitan_customer_id__gt=0)
        if words := params.get("q", ""):
            among = None if rules is not None else found.values("pk")
            hits = contact_search.find(account, words, rules=rules, among=among).hits
            found = found.filter(pk__in=[hit.contact_id for hit in hits])
    except segments.InvalidRules as wrong:
        raise Unknown(str(wrong)) from wrong
    return found


def _rules(account: Account, params: Params) -> segments.Rules | None:
    if params.get("audience"):
        rules: segments.Rules | None = _audience(account, params).rules
        return rules
    return builder.parsed(params["matching"]) if params.get("matching") else None


def _audience(account: Account, params: Params) -> Audience:
    found = Audience.objects.filter(account=account, pk=_key(params.get("audience", ""))).first()
    if found is None:
        raise Unknown("no such audience")
    return found


def _imported(account: Account, params: Params) -> QuerySet[ImportedContact, int]:
    of = ContactImport.objects.filter(account=account, pk=_key(params["import"])).first()
    if of is None:
        raise Unknown("no such import")
    mine = ImportedContact.objects.filter(of=of)
    if (outcome := params.get("outcome", "")) in ImportedContact.Outcome.values:
        mine = mine.filter(outcome=outcome)
    return mine.values_list("contact_id", flat=True)


def _key(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _contacts_title(account: Account, params: Params) -> str:
    of = f" of {_audience(account, params).name}" if params.get("audience") else ""
    narrowed = " of an import" if params.get("import") else " by rules" if params.get("matching") else ""
    sought = f" for “{params['q']}”" if params.get("q") else ""
    return f"Contacts{of or narrowed}{sought}"


def _records(account: Account, params: Params) -> QuerySet[Enrollment]:
    return audience_records.wanted(campaign_of(account, params), audience_records.Asked.of(params))


def _records_title(account: Account, params: Params) -> str:
    sought = f" for “{params['q']}”" if params.get("q") else ""
    state = params.get("state", "").replace(":", ": ").replace("_", " ")
    return f"Records{f' ({state})' if state else ''}{sought}, {campaign_of(account, params).name}"


def _register(account: Account, params: Params) -> QuerySet[OptOut]:
    from analytics.views import opt_out_register  # its form says what may be asked

    numbers = SendingNumber.objects.filter(account=account)
    form = opt_out_register.RegisterForm(params, numbers=numbers)
    if not form.is_valid():
        raise Unknown("a filter without meaning")
    return opt_out_register.matching(OptOut.objects.filter(account=account), form.cleaned_data)


def declare() -> None:
    """Register them."""
    register(Source("contacts", "Contacts", (), _contacts, _contacts_title))
    register(Source("records", "Audience records", (), _records, _records_title))
    register(Source("opt_outs", "Register of opt-outs", (), _register, capability="read_conversations"))
