"""The report as a document: what an attorney asks first comes first, the register and excerpts follow."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import IO

from django.db.models import Q

from accounts import audit_words
from accounts.models import AuditEntry, AuditSeal
from analytics.compliance.figures import Figures, waited
from analytics.compliance.register import Line, door
from analytics.compliance.scope import Scope
from analytics.compliance.typesetting import INK, SOFT, STRONG, TEXT, Document
from analytics.models import ComplianceReport
from audiences import hours, state_hours, suppression
from audiences.models import Consent, ConsentBasis, DoNotCallList, OptOutImport
from campaigns import pools, words
from common.phone import display_phone

MOST_ENTRIES = 500
KINDS = {
    "campaign": "in campaigns",
    "agent": "written by people of the company",
    "automatic": "automatic answers and confirmations",
}
EXCERPTS = (
    "launched", "paused", "resumed", "stopped", "paused_everything", "resumed_everything",
    "declared_consent", "imported_opt_outs", "declared_no_opt_outs", "imported_consents",
    "changed_quiet_hours", "changed_limits", "changed_footer", "began_do_not_call_list",
    "ended_do_not_call_list", "made_compliance_report", "downloaded_compliance_report",
)  # fmt: skip
REGISTER = (("No.", 0.0), ("When", 34.0), ("Phone", 154.0), ("Contact", 246.0), ("How", 378.0))


class Report:
    """Sets one report, section after section."""

    def __init__(self, report: ComplianceReport, scope: Scope, found: Figures, file: IO[bytes]) -> None:
        self.report, self.scope, self.found = report, scope, found
        self.account = scope.account
        about = f"{self.account.name} · {report.about}"
        made = f"Report {report.pk} · made {self.moment(report.requested_at)} for {report.requested_by}"
        self.doc = Document(
            file,
            title=f"Opt-out and consent report: {about}",
            author=self.account.name,
            running=f"Opt-out and consent report · {about}",
            footer=made,
        )

    def moment(self, at: datetime | None) -> str:
        """An instant in company time."""
        if at is None:
            return "—"
        local = at.astimezone(self.account.zone)
        half = "am" if local.hour < 12 else "pm"
        return f"{local:%b} {local.day}, {local.year}, {local.hour % 12 or 12}:{local:%M:%S} {half}"

    def front(self) -> None:
        """Everything before the register."""
        self._title()
        self._summary()
        self._after()
        self._reading()
        self._consent()
        self._policy()

    def _title(self) -> None:
        period = f"{_day(self.report.first_day)} to {_day(self.report.last_day)}"
        subject = "campaign" if self.scope.campaign else "sending number"
        self.doc.title(
            self.account.name,
            "Opt-out and consent report",
            f"{subject.capitalize()} {self.report.about}, {period}",
        )
        campaign = self.scope.campaign
        facts = [("Company", self.account.name)]
        for number in pools.numbers_of(campaign) if campaign else [self.scope.number]:
            label = f" ({number.label})" if number.label else ""
            written = f"{display_phone(number.e164)}{label}, added {self.moment(number.created_at)}"
            facts.append(("Sending number", written))
        if campaign:
            facts += [
                ("Campaign", campaign.name),
                ("Launched", f"{self.moment(campaign.launched_at)} by {campaign.launched_by or 'Truckroll'}"),
                ("Audience", campaign.audience.name),
                ("Workflow", f"{campaign.version.workflow.name}, version {campaign.version.number}"),
            ]
        facts += [
            ("Period", f"{period}, both days included"),
            ("Time zone", f"{self.account.timezone}; every time in this report is in it"),
            ("As of", f"{self.moment(self.report.requested_at)}, asked for by {self.report.requested_by}"),
        ]
        self.doc.facts(facts)

    def _summary(self) -> None:
        found = self.found
        self.doc.heading("1. Summary")
        self.doc.figures(
            [
                (f"{found.sent:,}", "texts accepted by the provider"),
                (f"{found.people:,}", "phones texted"),
                (f"{found.opt_outs:,}", "opt-outs recorded"),
                (f"{found.after_count:,}", "texts begun after an opt-out"),
            ]
        )
        rate = (
            f"{found.opt_outs / found.people:.2%} ({found.opt_outs:,} of {found.people:,} phones)"
            if found.people
            else "nobody was texted"
        )
        doors = [
            (f"Opt-outs: {door(key).lower()}", f"{n:,}")
            for key, n in sorted(found.by_door.items(), key=lambda one: -one[1])
        ]
        kinds = "; ".join(
            f"{n:,} {KINDS.get(key, key)}"
            for key, n in sorted(found.sent_by_kind.items(), key=lambda one: -one[1])
        )
        facts = [
            ("Texts sent", f"{found.sent:,}{f': {kinds}' if kinds else ''}"),
            ("Of these delivered", f"{found.delivered:,}, by confirmation of the handset or carrier"),
            ("Opt-out rate", rate),
            *doors,
            ("Ended since", f"{found.lifted:,} of these opt-outs"),
            ("From wish to record", self._delay()),
        ]
        self.doc.facts(facts)
        if self.scope.campaign and found.excluded:
            total = sum(found.excluded.values())
            self.doc.space(8)
            self.doc.paragraph(
                f"{words.number_of(total, 'contact')} matched the audience and were left out at the intake:"
            )
            self.doc.facts(
                [(words.exclusion(reason), f"{n:,}") for reason, n in found.excluded.items()], label=260
            )

    def _delay(self) -> str:
        if self.found.delay is None:
            return "no opt-out of the period came by text"
        median, longest, count = self.found.delay
        return (
            f"median {waited(median)}, longest {waited(longest)}, measured over {count:,} opt-outs from the "
            "arrival of the customer’s text to the time that the opt-out bears"
        )

    def _after(self) -> None:
        self.doc.heading("2. Texts begun after an opt-out")
        found = self.found
        self.doc.paragraph(
            "Every attempt to hand a text to the provider was compared with every opt-out that was in force "
            "at that phone when the attempt began, whenever it was recorded."
        )
        if not found.after_count:
            self.doc.paragraph("None was found: 0 attempts.", font=STRONG)
        else:
            self.doc.paragraph(f"{found.after_count:,} were found.", font=STRONG)
            head = (("Began", 0.0), ("Phone", 150.0), ("Opted out", 250.0), ("Text", 400.0))
            self.doc.columns(head)
            for one in found.after:
                cells = (
                    (self.moment(one.at), 0.0, 146.0), (display_phone(one.phone), 150.0, 96.0),
                    (self.moment(one.opted_out_at), 250.0, 146.0), (f"{one.kind}, {one.state}", 400.0, 84.0),
                )  # fmt: skip
                self.doc.row(cells, head=head)
            if found.after_count > len(found.after):
                self.doc.paragraph(f"The first {len(found.after):,} are listed.", gray=SOFT)
        if found.confirmations:
            self.doc.paragraph(
                f"Not among them: {words.number_of(found.confirmations, 'confirmation')} "
                "of an opt-out, one text without marketing each (47 CFR 64.1200(a)(12)).",
                gray=SOFT,
            )

    def _reading(self) -> None:
        self.doc.heading("3. How replies are read")
        self.doc.paragraph(
            "Every reply is read as it arrives, in the same database transaction that stores it. Keywords "
            "(STOP and its kin, RESET) and near misses of them opt out; so do other words that ask to be "
            "left alone, in English and Spanish, found by a grammar and by a reader trained for it. Where a "
            "reply leaves room for doubt, everything automated to that person is held and a person decides. "
            "An opt-out stops texts and automated calls to that phone from every number and campaign of the "
            "company."
        )
        facts = [
            ("Version " + name, f"{count:,} replies of the period") for name, count in self.found.detectors
        ]
        self.doc.facts(facts or [("Replies of the period", "none")])

    def _consent(self) -> None:
        self.doc.heading("4. Consent")
        bases = ConsentBasis.objects.filter(account=self.account, declared_at__lt=self.scope.until)
        before = bases.filter(declared_at__lte=self.scope.since).order_by("-declared_at", "-pk").first()
        within = bases.filter(declared_at__gt=self.scope.since).order_by("declared_at", "pk")
        in_force = [*([before] if before else []), *within]
        if not in_force:
            self.doc.paragraph("No consent basis was declared before the end of the period.", font=STRONG)
        else:
            self.doc.paragraph("Declared as the ground on which customers were texted in the period:")
        for basis in in_force:
            self.doc.quotation(
                basis.words,
                f"{basis.get_kind_display()}, declared by {basis.declared_name} on "
                f"{self.moment(basis.declared_at)}",
            )
        labels = dict(Consent.Kind.choices)
        facts = [
            (
                f"Written: {labels.get(kind, kind).lower()}",
                f"{n:,} of the {self.found.people:,} phones texted",
            )
            for kind, n in sorted(self.found.consents.items())
        ]
        self.doc.facts(
            facts or [("Written consents", f"none on record for the {self.found.people:,} phones texted")]
        )

    def _policy(self) -> None:
        self.doc.heading("5. Hours, caps and lists")
        self.doc.paragraph("As they stood when this report was made:", gray=SOFT)
        own = self.scope.campaign.window if self.scope.campaign else None
        window = own or hours.window_of(self.account.pk)
        reviewed = {row.reviewed for row in state_hours.STATES.values()}
        daily, weekly = suppression.household_limits({self.account.pk})[self.account.pk]
        facts = [
            (
                "Hours",
                f"{words.hours(window)}, where the person called is, and never outside federal and state law",
            ),
            ("Table of state law", f"every row last reviewed on or after {_day(min(reviewed))}"),
            ("Cap per phone", f"{suppression.PHONE_TOUCHES_PER_DAY} texts and calls in any 24 hours"),
            ("Cap per household", f"{daily} in any 24 hours, {weekly} in any 7 days"),
        ]
        lists = DoNotCallList.objects.filter(account=self.account, confirmed_at__lt=self.scope.until)
        lists = lists.filter(Q(ended_at=None) | Q(ended_at__gte=self.scope.since)).order_by("confirmed_at")
        facts += [
            (
                "Do-not-call list",
                f"{one.name} ({one.get_kind_display().lower()}): {one.phones:,} phones, obtained "
                f"{_day(one.obtained_on)}, in force from {self.moment(one.confirmed_at)}"
                + (f" to {self.moment(one.ended_at)}" if one.ended_at else ""),
            )
            for one in lists
        ] or [("Do-not-call lists", "none uploaded")]
        imports = OptOutImport.objects.filter(account=self.account, confirmed_at__lt=self.scope.until)
        facts += [
            (
                "Earlier opt-outs",
                "declared that there were none"
                if one.declared_none
                else f"{one.name}: {one.accepted:,} addresses imported {self.moment(one.confirmed_at)}",
            )
            for one in imports.defer("values", "rejected_rows").order_by("confirmed_at")[:20]
        ]
        self.doc.facts(facts)

    def register(self, lines: Iterable[Line], wrote: Callable[[int, Line], None]) -> None:
        """Every opt-out; `wrote` hears of each line."""
        self.doc.heading("6. Register of opt-outs")
        whose = (
            "texted by this campaign before"
            if self.scope.campaign
            else "this number has texted or heard from"
        )
        self.doc.paragraph(f"All opt-outs recorded in the period for phones {whose}, the earliest first.")
        number = 0
        for number, line in enumerate(lines, 1):
            if number == 1:
                self.doc.columns(REGISTER)
            cells = (
                (f"{number:,}", 0.0, 32.0), (self.moment(line.at), 34.0, 118.0), (line.phone, 154.0, 90.0),
                (line.contact or "—", 246.0, 128.0), (line.door, 378.0, 106.0),
            )  # fmt: skip
            self.doc.row(cells, self._under(line), head=REGISTER, indent=34.0)
            wrote(number, line)
        if not number:
            self.doc.paragraph("None was recorded.", font=STRONG)

    def _under(self, line: Line) -> list[tuple[str, str, float]]:
        under = [(f"“{line.words}”", TEXT, INK)] if line.words else []
        facts = [
            f"Recorded by {line.by}" if line.by else "",
            f"Read by {line.detector}" if line.detector else "",
            f"Provider’s id {line.provider_id}" if line.provider_id else "",
        ]
        if said := " · ".join(fact for fact in facts if fact):
            under.append((said, TEXT, SOFT))
        if line.lifted_at:
            who = f" by {line.lifted_by}" if line.lifted_by else ""
            words = f": “{line.lifted_words}”" if line.lifted_words else ""
            under.append((f"Ended {self.moment(line.lifted_at)}{who}{words}", STRONG, INK))
        return under

    def back(self, csv_sha256: str) -> int:
        """Excerpts of the audit log and what proves the whole; the number of pages."""
        self._excerpts()
        self._proof(csv_sha256)
        self.doc.finish()
        return self.doc.pages

    def _excerpts(self) -> None:
        self.doc.heading("7. From the audit log")
        entries = AuditEntry.objects.filter(
            account=self.account, verb__in=EXCERPTS, at__gte=self.scope.since, at__lt=self.scope.until
        )
        if self.scope.campaign:
            ours = Q(object_kind="campaigns.campaign", object_id=str(self.scope.campaign.pk))
            entries = entries.filter(ours | ~Q(object_kind="campaigns.campaign"))
        shown = list(entries.select_related("by").order_by("at", "pk")[: MOST_ENTRIES + 1])
        self.doc.paragraph(
            "Launches, pauses and stops, declarations, imports, changes of hours, limits and lists, and "
            "reports of the period. Entries of the log cannot be changed or deleted; the database refuses it."
        )
        for entry in shown[:MOST_ENTRIES]:
            cells = (
                (self.moment(entry.at), 0.0, 128.0), (audit_words.who(entry), 132.0, 110.0),
                (entry.summary, 246.0, RIGHTMOST - 246.0),
            )  # fmt: skip
            self.doc.row(cells)
        if not shown:
            self.doc.paragraph("No such entry.", font=STRONG)
        if len(shown) > MOST_ENTRIES:
            self.doc.paragraph(
                f"The first {MOST_ENTRIES:,} are shown; the product’s audit log has all of them."
            )

    def _proof(self, csv_sha256: str) -> None:
        self.doc.heading("8. How this report was made")
        self.doc.paragraph(
            "Truckroll computed every figure from the company’s records when this report was made; nobody "
            "typed or changed one. The register is also in the CSV file that accompanies this document, "
            "where words stand as they were written, with an apostrophe before what a spreadsheet would run "
            "as a formula; a box (□) here stands for a character that the document’s fonts lack. Opt-outs "
            "and the audit log are sealed in a chain of digests that the product checks every hour."
        )
        seal = (
            AuditSeal.objects.of(self.account.pk)
            .filter(sealed_at__lt=self.report.requested_at + timedelta(days=1))
            .last()
        )
        facts = [("Register (CSV), SHA-256", _grouped(csv_sha256))]
        if seal is not None:
            facts.append(
                (
                    "Newest seal",
                    f"No. {seal.number:,} of {self.moment(seal.sealed_at)}: {_grouped(seal.digest)}",
                )
            )
        self.doc.facts(facts)
        self.doc.paragraph(
            "The SHA-256 of this document itself is kept with the report and in the audit log.", gray=SOFT
        )


RIGHTMOST = 484.0


def _grouped(digest: str) -> str:
    """A digest in groups of eight, which people can compare and lines can break."""
    return " ".join(digest[start : start + 8] for start in range(0, len(digest), 8))


def _day(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"
