"""What a disturbance sees of the product while it runs, straight from its database."""

from bench.faulted import Course, clock_of

_FIRST_CUSTOMER = 900_000_000  # ServiceTitan ids beyond those of the company's customers
_DUE_STEPS = """
select count(*) from campaigns_step step join campaigns_campaign campaign on campaign.id = step.campaign_id
where step.campaign_id = any(%s) and step.due_at <= %s - interval '5 seconds'
"""


def add_customer(course: Course) -> int:
    """The office adds a customer without a phone at ServiceTitan; its id."""
    customer = _FIRST_CUSTOMER + course.rng.randrange(10**8)
    row = {"id": customer, "name": f"Office {customer}", "type": "Residential", "address": {}}
    course.provider.call("POST", "/servicetitan/customers", json=row)
    return customer


def missing_customers(course: Course, customers: list[int]) -> int:
    """How many of these the product does not have."""
    ((found,),) = course.database.rows(
        "select count(distinct servicetitan_customer_id) from audiences_contact"
        " where servicetitan_customer_id = any(%s)",
        [customers],
    )
    return len(set(customers)) - int(found)


def due_steps(course: Course) -> int:
    """Steps that the engine has left due for more than five seconds."""
    ((found,),) = course.database.rows(_DUE_STEPS, [course.campaigns, clock_of(course.product)])
    return int(found)


def heard(course: Course) -> int:
    """How many texts of this course's customers the product has."""
    said = [entry["sid"] for entry in course.provider.entries("inbound", course.since)]
    ((found,),) = course.database.rows(
        "select count(*) from conversations_message where provider_id = any(%s)", [said]
    )
    return int(found)


def jobs(course: Course) -> tuple[int, int, int]:
    """Booking requests of this course's campaigns, the jobs they became, and the credits for them."""
    ((requests, jobs, credits),) = course.database.rows(
        """
        select count(*), count(distinct job.id), count(distinct credit.id) from campaigns_booking booking
        join campaigns_step step on step.id = booking.step_id
        left join audiences_job job on job.account_id = booking.account_id
            and job.servicetitan_id = booking.servicetitan_job_id
        left join analytics_jobcredit credit on credit.job_id = job.id
        where step.campaign_id = any(%s)
        """,
        [course.campaigns],
    )
    return int(requests), int(jobs), int(credits)


def job_ids(course: Course) -> list[int]:
    """ServiceTitan's ids of the jobs that this course's booking requests became."""
    found = course.database.rows(
        "select booking.servicetitan_job_id from campaigns_booking booking"
        " join campaigns_step step on step.id = booking.step_id"
        " where step.campaign_id = any(%s) and booking.servicetitan_job_id is not null",
        [course.campaigns],
    )
    return [int(job) for (job,) in found]
