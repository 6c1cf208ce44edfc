"""All routes of the one port."""

from aiohttp import web

from sandbox.control import Control
from sandbox.media import STORE, MediaApi
from sandbox.pages import Pages
from sandbox.sendgrid_api import SendGridApi
from sandbox.servicetitan_api import EXPORTS, LISTS, ServiceTitanApi
from sandbox.servicetitan_capacity import Capacity
from sandbox.servicetitan_writes import ServiceTitanWrites
from sandbox.twilio_api import TwilioApi
from sandbox.twilio_reads import TwilioReads
from sandbox.voice.api import CallsApi
from sandbox.voice.control import CallControl
from sandbox.voice.reads import CallsReads
from sandbox.world import World

ACCOUNT = "/2010-04-01/Accounts/{account}"
MAX_REQUEST_BYTES = 31 * 1024 * 1024


def build(world: World) -> web.Application:
    """The application around a world; the world starts and stops with it."""
    app = web.Application(client_max_size=MAX_REQUEST_BYTES)

    async def lifetime(_app: web.Application):  # type: ignore[no-untyped-def]
        import asyncio

        await world.start()
        runner = asyncio.create_task(world.schedule.run())
        yield
        runner.cancel()
        await world.stop()

    app.cleanup_ctx.append(lifetime)
    _twilio(app, world)
    _servicetitan(app, world)
    app.router.add_post("/v3/mail/send", SendGridApi(world).send)
    _control(app, world)
    return app


def _twilio(app: web.Application, world: World) -> None:
    api = TwilioApi(world)
    reads, route = TwilioReads(api), app.router
    media = MediaApi(world, api.refuse_stranger)
    route.add_get(f"{ACCOUNT}/Messages/{{sid}}/Media.json", media.list)
    route.add_get(f"{ACCOUNT}/Messages/{{sid}}/Media/{{me}}", media.one)
    route.add_get(f"{STORE}/{{kind}}", media.stored)
    route.add_post(f"{ACCOUNT}/Messages.json", api.create)
    route.add_get(f"{ACCOUNT}/Messages.json", reads.list)
    route.add_get(f"{ACCOUNT}/Messages/{{sid}}.json", reads.fetch)
    route.add_post(f"{ACCOUNT}/Messages/{{sid}}.json", reads.update)
    route.add_delete(f"{ACCOUNT}/Messages/{{sid}}.json", reads.delete)
    route.add_get(f"{ACCOUNT}/IncomingPhoneNumbers.json", reads.numbers)
    route.add_get(f"{ACCOUNT}/IncomingPhoneNumbers/{{sid}}.json", reads.number)
    route.add_post(f"{ACCOUNT}/IncomingPhoneNumbers/{{sid}}.json", reads.number)
    _calls(route, CallsApi(world, api), CallsReads(world, api))


def _calls(route: web.UrlDispatcher, api: CallsApi, reads: CallsReads) -> None:
    route.add_post(f"{ACCOUNT}/Calls.json", api.create)
    route.add_get(f"{ACCOUNT}/Calls.json", reads.list)
    route.add_get(f"{ACCOUNT}/Calls/{{sid}}.json", reads.fetch)
    route.add_post(f"{ACCOUNT}/Calls/{{sid}}.json", api.update)
    route.add_delete(f"{ACCOUNT}/Calls/{{sid}}.json", api.delete)
    route.add_get(f"{ACCOUNT}/Calls/{{sid}}/Events.json", reads.events)
    for path in (f"{ACCOUNT}/Recordings", f"{ACCOUNT}/Calls/{{call}}/Recordings"):
        route.add_get(f"{path}.json", reads.recordings)
        route.add_get(f"{path}/{{recording}}", reads.recording)
        route.add_delete(f"{path}/{{recording}}", reads.recording)


def _servicetitan(app: web.Application, world: World) -> None:
    api, writes, route = ServiceTitanApi(world), ServiceTitanWrites(world), app.router
    route.add_post("/connect/token", api.token)

    def add(method: str, path: str, handler):  # type: ignore[no-untyped-def]
        module, _, rest = path.partition("/")
        route.add_route(method, f"/{module}/v2/tenant/{{tenant}}/{rest}", api.guarded(handler))

    for path, entity in EXPORTS.items():
        add("GET", path, api.export(entity))
    for path, entity in LISTS.items():
        add("GET", path, api.listing(entity))
        if entity not in ("contacts", "bookings"):
            add("GET", f"{path}/{{id:\\d+}}", api.single(entity))
    add("GET", "crm/bookings/{id:\\d+}", api.single("bookings"))
    add("GET", "crm/customers/{owner:\\d+}/contacts", api.listing("contacts"))
    provider = "crm/booking-provider/{provider:\\d+}/bookings"
    add("GET", provider, api.listing("bookings"))
    add("POST", provider, writes.create_booking)
    add("GET", f"{provider}/{{id:\\d+}}", api.single("bookings"))
    add("PATCH", f"{provider}/{{id:\\d+}}", writes.change_booking)
    add("POST", f"{provider}/{{id:\\d+}}/dismiss", writes.dismiss_booking)
    add("POST", "jpm/jobs", writes.create_job)
    add("PUT", "jpm/jobs/{id:\\d+}/cancel", writes.cancel_job)
    add("PATCH", "jpm/appointments/{id:\\d+}/reschedule", writes.reschedule)
    add("POST", "crm/customers/{id:\\d+}/notes", writes.add_note("customers"))
    add("POST", "jpm/jobs/{id:\\d+}/notes", writes.add_note("jobs"))
    add("POST", "crm/customers/{id:\\d+}/contacts", writes.add_contact)
    add("PATCH", "crm/customers/{id:\\d+}", writes.change_customer)
    add("POST", "crm/customers/{id:\\d+}/tags/{tag:\\d+}", writes.tag_customer)
    add("DELETE", "crm/customers/{id:\\d+}/tags/{tag:\\d+}", writes.tag_customer)
    add("POST", "dispatch/capacity", Capacity(world).availabilities)
    route.add_post("/servicetitan/{entity}", writes.put_row)
    route.add_post("/office", writes.office)


def _control(app: web.Application, world: World) -> None:
    control, pages, route = Control(world), Pages(world), app.router
    route.add_get("/healthz", control.health)
    for method in ("GET", "POST", "DELETE"):
        route.add_route(method, "/faults", control.faults)
    route.add_get("/ledger.json", control.ledger)
    route.add_get("/mail.json", control.mails)
    route.add_get("/mailboxes/{address}.json", control.mailbox)
    route.add_post("/customers", control.customers)
    route.add_post("/followers", control.followers)
    route.add_post("/customers/{phone}/follow", control.follow)
    route.add_post("/settings", control.settings)
    route.add_post("/reset", control.reset)
    route.add_post("/customers/{phone}/say", control.say)
    route.add_get("/customers/{phone}.json", control.conversation)
    route.add_post("/mailboxes/{mailbox}/write", control.write)
    CallControl(world).add_routes(route)
    pages.add_routes(route)
