"""One sandbox: its options, its credentials and the parts that share them."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import demo_company
from sandbox.clock import Clock
from sandbox.customers import Customers
from sandbox.faults import Faults
from sandbox.followers import Followers
from sandbox.hints import Hints
from sandbox.ledger import DATABASE_NAME, Ledger
from sandbox.mail_readers import MailReaders
from sandbox.mails import Mails
from sandbox.media import Media
from sandbox.schedule import Schedule
from sandbox.sendgrid_events import SendGridEvents, draw_key
from sandbox.sendgrid_inbound import SendGridInbound
from sandbox.servicetitan import ServiceTitan
from sandbox.store import Store
from sandbox.traffic import Traffic
from sandbox.voice.exchange import Exchange
from sandbox.webhooks import Webhooks

NUMBERS = ("+13125550100", "+17735550100", "+16305550100")
SEGMENTS_PER_SECOND = 100.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    data: Path
    speed: float = 60.0
    seed: int = 1
    clock_file: Path | None = None
    credentials: Path | None = None
    webhook_base: str = "http://127.0.0.1:8000"
    customers: str = ""
    demo: bool = False
    demo_customers: int = 2000


class World:
    """Everything a handler needs; built once, in the order its parts depend on each other."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.generation = 0
        self.speed = options.speed
        self.seed = options.seed
        self.clock = Clock(options.clock_file)
        self.store = Store(options.data / DATABASE_NAME)
        self.credentials = load_credentials(options.credentials, self.store)
        self.ledger = Ledger(self.store, self.clock)
        self.faults = Faults(self.store)
        self.schedule = Schedule(self.store, self.clock)
        self.webhook_base = self._webhook_base(options.webhook_base.rstrip("/"))
        self.numbers: dict[str, dict[str, Any]] = self.store.get("numbers") or self._first_numbers()
        self.customers = Customers(self, options.customers)
        self.base_url = ""  # where it can be reached, known once it listens
        self.media = Media(self)
        self.traffic = Traffic(self)
        self.followers = Followers(self)
        self.webhooks = Webhooks(self)
        self.voice = Exchange(self)
        self.mails = Mails(self)
        self.mail_events = SendGridEvents(self)
        self.mail_inbound = SendGridInbound(self)
        self.mail_readers = MailReaders(self)
        self.hints = Hints(self)
        self.servicetitan = ServiceTitan(self)
        self.store.commit()
        if options.demo:
            demo_company.seed(self, options.demo_customers)

    def _webhook_base(self, given: str) -> str:
        """The command line's address, unless `POST /settings` has changed it since that was first given."""
        if self.store.get("webhook_base_given") != given:
            self.store.put("webhook_base_given", given)
            self.store.put("webhook_base", given)
        kept: str = self.store.get("webhook_base")
        return kept

    def _first_numbers(self) -> dict[str, dict[str, Any]]:
        numbers = {
            number: {
                "sid": f"PN{secrets.token_hex(16)}",
                "sms_url": "",
                "segments_per_second": SEGMENTS_PER_SECOND,
            }
            for number in NUMBERS
        }
        self.store.put("numbers", numbers)
        return numbers

    def sms_url(self, number: str) -> str:
        """Where a number's inbound texts are posted."""
        own: str = self.numbers[number]["sms_url"]
        return own or f"{self.webhook_base}/webhooks/twilio/messages/inbound"

    def voice_url(self, number: str) -> str:
        """Where the first document of a call to a number is asked for."""
        own: str = self.numbers[number].get("voice_url", "")
        return own or f"{self.webhook_base}/webhooks/twilio/calls/inbound"

    def voice_status_url(self, number: str) -> str:
        """Where the end of a call to a number is told."""
        own: str = self.numbers[number].get("status_callback", "")
        return own or f"{self.webhook_base}/webhooks/twilio/calls/inbound/status"

    def mail_events_url(self) -> str:
        """Where news of mails is posted."""
        return f"{self.webhook_base}/webhooks/sendgrid/events"

    def mail_inbound_url(self) -> str:
        """Where mails to the product are posted: as registered, else its signed address."""
        own: str = self.store.get("mail_inbound_url") or ""
        return own or f"{self.webhook_base}/webhooks/sendgrid/inbound"

    async def reset(self) -> None:
        """Forget messages, timers, ledger, opt-outs, mails, bookings and switches; keep the tenant otherwise.

        For tests that share one process. Webhooks under way are cut, as when the process dies.
        """
        self.generation += 1
        self.schedule.clear()  # before anything is waited for: nothing new begins meanwhile
        await self.voice.reset()
        await self.webhooks.restart()
        await self.followers.stop()
        await self.mail_events.restart()
        await self.mail_inbound.stop()
        await self.mail_readers.stop()
        await self.hints.stop()
        for table in ("messages", "timers", "ledger", "optouts", "customers", "mails"):
            self.store.write(f"DELETE FROM {table}")
        self.store.write("DELETE FROM st_rows WHERE entity = 'bookings'")
        self.store.write("DELETE FROM meta WHERE key LIKE 'external:%'")
        self.schedule.clear()
        self.traffic.clear()
        self.media.clear()
        self.servicetitan.office.open()
        self.store.put("office_plans", [])
        self.store.put("mail_inbound_url", "")
        self.faults.clear()
        self.clock.reread()
        self.webhook_base = self.options.webhook_base.rstrip("/")
        self.store.put("webhook_base", self.webhook_base)
        self.numbers = self._first_numbers()
        self.followers.switch(self.options.demo)
        self.customers.set_mode(self.options.customers or ("demo" if self.options.demo else "silent"))

    async def start(self) -> None:
        """Take up unfinished work and begin to fire timers."""
        self.traffic.load()
        self.schedule.load()
        self.voice.load()
        await self.webhooks.start()
        await self.mail_events.start()

    async def stop(self) -> None:
        """Stop posting and close the file."""
        await self.voice.stop()
        await self.webhooks.stop()
        await self.followers.stop()
        await self.mail_events.stop()
        await self.mail_inbound.stop()
        await self.mail_readers.stop()
        await self.hints.stop()
        self.store.close()


def load_credentials(path: Path | None, store: Store) -> dict[str, str]:
    """Credentials from `path`; what is missing comes from the data folder; a missing file is written."""
    kept: dict[str, str] = store.get("credentials") or {
        "account_sid": f"AC{secrets.token_hex(16)}",
        "auth_token": secrets.token_hex(16),
        "client_id": f"cid.{secrets.token_hex(10)}",
        "client_secret": f"cs1.{secrets.token_hex(20)}",
        "app_key": f"ak1.{secrets.token_hex(10)}",
        "tenant_id": "447700112",
        "webhook_key": secrets.token_hex(24),
        "sendgrid_key": f"SG.{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(32)}",
    }
    if "sendgrid_webhook_private_key" not in kept:
        private, public = draw_key()
        kept |= {"sendgrid_webhook_private_key": private, "sendgrid_webhook_public_key": public}
    given: dict[str, Any] = json.loads(path.read_text()) if path is not None and path.exists() else {}
    credentials = {**kept, **{key: str(value) for key, value in given.items()}}
    store.put("credentials", credentials)
    if path is not None and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(credentials, indent=1))
    return credentials
