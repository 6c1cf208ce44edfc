"""The statements that lay the ground of pages: who follows from a number alone, through arithmetic.

The first passages, the crowd, all belong to the first campaign, whose lists are opened: there what is rare
elsewhere is frequent, so that the smallest ground fills a page of each list, too. Of the others passage n
belongs to the first campaign where n is a multiple of 20, else to one of the others in turn. Three of seven
of the running ones still run; one in fifty came to a text that failed, one in 33 was passed over.
Running campaigns go from text to text in 28 hours, the others in four days: nothing lies ahead of now.
"""

_PASSAGES = """
with numbered as (
    select n, n < %(crowd)s as crowded,
           case when n < %(crowd)s or n %% 20 = 0 then 1
                else 2 + n %% (cardinality(%(campaigns)s::bigint[]) - 1) end as c,
           case when n >= %(crowd)s and n %% 20 = 0 then n / 20 else n end %% %(people)s as person
    from generate_series(%(first)s, %(last)s) n
), placed as (
    select n, c, crowded, (%(campaigns)s::bigint[])[c] as campaign, (%(lanes)s::bigint[])[c] as lane, person,
           campaign.launched_at
               + make_interval(mins => (n %% 480)::int, secs => n %% 59999 / 1000.0) as entered,
           c <= %(running)s and n %% 7 < 3 as active, n %% 7 as stage
    from numbered join campaigns_campaign campaign on campaign.id = (%(campaigns)s::bigint[])[c]
)
"""
STATEMENTS: dict[str, str] = {
    "households": """
        insert into audiences_household (account_id, key)
        select %(account)s, 'page-' || n from generate_series(%(first_person)s, %(last_person)s) n
    """,
    "contacts": """
        insert into audiences_contact
            (account_id, servicetitan_customer_id, person, name, first_name, last_name, kind, language,
             active, do_not_service, street, city, state, zip, household_id, zone_set_id, created_at,
             last_job_at)
        select %(account)s, 20000000 + n, '', 'Sam ' || surname, 'Sam', surname, 'residential', 'en', true,
               false, n || ' Elm Street', 'Chicago', 'IL', '60601', home.id,
               (select zone_set_id from audiences_contact where account_id = %(account)s limit 1), %(now)s,
               case when n %% 3 > 0 then %(now)s - make_interval(days => (n %% 900)::int) end
        from generate_series(%(first_person)s, %(last_person)s) n
        join audiences_household home on home.account_id = %(account)s and home.key = 'page-' || n
        cross join lateral (
            select case when n < %(namesakes)s then 'Quill ' else 'Page ' end || n as surname) named
    """,
    "phones": """
        insert into audiences_address (account_id, channel, value, line_type, unreachable_reason)
        select %(account)s, 'phone', '+1773' || lpad(n::text, 7, '0'), 'mobile', ''
        from generate_series(%(first_person)s, %(last_person)s) n
    """,
    "links": """
        insert into audiences_contactaddress (contact_id, address_id, position, label, do_not_text)
        select contact.id, phone.id, 0, 'Mobile', false
        from generate_series(%(first_person)s, %(last_person)s) n
        join audiences_contact contact
            on contact.account_id = %(account)s and contact.servicetitan_customer_id = 20000000 + n
        join audiences_address phone on phone.account_id = %(account)s and phone.channel = 'phone'
            and phone.value = '+1773' || lpad(n::text, 7, '0')
    """,
    "people": """
        create temporary table page_person as
        select n, contact.id as contact, phone.id as phone from generate_series(0, %(last_person)s) n
        join audiences_contact contact
            on contact.account_id = %(account)s and contact.servicetitan_customer_id = 20000000 + n
        join audiences_address phone on phone.account_id = %(account)s and phone.channel = 'phone'
            and phone.value = '+1773' || lpad(n::text, 7, '0')
    """,
    "enrollments": _PASSAGES
    + """
        insert into campaigns_enrollment
            (campaign_id, version_id, occurrence, contact_id, address_id, entered_at, state, ended_at,
             ended_reason)
        select campaign, %(version)s, placed.n + 1, contact, phone, entered,
               case when active then 'active' else 'ended' end,
               case when not active then entered + case when c <= %(running)s then interval '60 hours'
                   else interval '10 days' end end,
               case when not active then case when placed.n %% case when crowded then 10 else 50 end = 1
                        then 'opted_out' else 'finished' end
                    else '' end
        from placed join page_person on page_person.n = placed.person
        order by entered
        on conflict do nothing
    """,
    # `occurrence` carries the number of the passage, one more than n, for what follows.
    "steps": """
        insert into campaigns_step
            (campaign_id, enrollment_id, node_id, state, state_at, created_at, due_at, outcome, reason)
        select enrollment.campaign_id, enrollment.id, (%(nodes)s::bigint[])[step.i], step.state,
               enrollment.entered_at + (step.i - 1) * pace.each,
               enrollment.entered_at + (step.i - 1) * pace.each,
               case when step.state in ('scheduled', 'waiting') then %(now)s + interval '3 days' end,
               case when step.state = 'completed' then 'next' else '' end,
               case step.state when 'failed' then 'failed:carrier' when 'skipped' then 'too_late' else '' end
        from campaigns_enrollment enrollment
        join lateral (
            select case when completed_at is null then interval '14 hours' else interval '2 days' end as each
            from campaigns_campaign where id = enrollment.campaign_id) pace on true
        cross join lateral (
            select case when enrollment.occurrence <= %(crowd)s then 8 else 50 end as failed,
                   case when enrollment.occurrence <= %(crowd)s then 9 else 33 end as skipped) rare
        cross join lateral (
            select i, case
                when i < 5 and (enrollment.state = 'ended' or i < 2 + enrollment.occurrence %% 3)
                    then 'completed'
                when enrollment.state = 'active' then case i when 2 then 'waiting' when 4 then 'waiting'
                    else 'scheduled' end
                when enrollment.occurrence %% rare.failed = 0 then 'failed'
                when enrollment.occurrence %% rare.skipped = 0 then 'skipped'
                else 'completed' end as state
            from generate_series(1, case when enrollment.state = 'active'
                then 2 + enrollment.occurrence %% 3 else 5 end) i) step
        where enrollment.occurrence > %(first)s and enrollment.version_id = %(version)s
          and enrollment.campaign_id = any(%(campaigns)s::bigint[])
    """,
    "texts": """
        insert into conversations_message
            (account_id, lane_id, contact_id, address_id, number_id, kind, origin, body, state, state_at,
             created_at, accepted_at, replied_at, opted_out_at, provider_id)
        select %(account)s, campaign.lane_id, enrollment.contact_id, enrollment.address_id, %(number)s,
               'campaign', 'step:' || step.id, 'Hi Sam, Bench Heating here. Time for a tune-up?',
               case when one.number %% one.failed = 0 then 'failed' else 'delivered' end, step.state_at,
               step.created_at, step.state_at,
               case when one.number %% one.replied = 0 then step.state_at + interval '1 hour' end,
               case when one.number %% one.stopped = 0 then step.state_at + interval '1 hour' end,
               'SMpage' || step.id
        from campaigns_step step
        join campaigns_enrollment enrollment on enrollment.id = step.enrollment_id
        join campaigns_campaign campaign on campaign.id = step.campaign_id
        cross join lateral (
            select enrollment.occurrence as number, 5 as failed, 4 as replied, 9 as stopped
            where enrollment.occurrence <= %(crowd)s
            union all
            select step.id, 29, 12, 170 where enrollment.occurrence > %(crowd)s) one
        where enrollment.occurrence > %(first)s and step.state = 'completed'
          and enrollment.campaign_id = any(%(campaigns)s::bigint[])
          and step.node_id = any((%(nodes)s::bigint[])[1:1] || (%(nodes)s::bigint[])[3:3]
              || (%(nodes)s::bigint[])[5:5])
    """,
    "threads": """
        insert into conversations_thread
            (account_id, contact_id, address_id, number_id, state, closed_reason, needs_reply,
             escalated_reason, created_at, last_message_at, last_inbound_at)
        select %(account)s, contact, phone, %(number)s, 'open', '', n < 100, '', %(now)s - interval '90 days',
               %(now)s - make_interval(mins => n::int), %(now)s - make_interval(mins => n::int)
        from page_person where n between %(first_thread)s and %(last_thread)s
    """,
    "said": """
        insert into conversations_message
            (account_id, contact_id, address_id, number_id, kind, body, state, state_at, created_at,
             accepted_at)
        select %(account)s, contact, phone, %(number)s, case when m %% 2 = 0 then 'inbound' else 'agent' end,
               'Do you have Friday?', case when m %% 2 = 0 then 'received' else 'delivered' end, at, at,
               case when m %% 2 = 1 then at end
        from generate_series(1, %(said)s) m
        join page_person on page_person.n = m %% %(threads)s
        cross join lateral (select %(now)s - interval '90 days' * (m::float / %(said)s) as at) said
    """,
    "jobs": """
        with won as (
            select distinct on (enrollment.id) enrollment.id, enrollment.campaign_id, enrollment.contact_id,
                   enrollment.occurrence, step.node_id, message.id as message, message.accepted_at as at
            from campaigns_enrollment enrollment
            join campaigns_step step on step.enrollment_id = enrollment.id
            join conversations_message message on message.origin = 'step:' || step.id
            where enrollment.occurrence > %(first)s
              and enrollment.occurrence
                  %% case when enrollment.occurrence <= %(crowd)s then 10 else 200 end = 3
              and enrollment.campaign_id = any(%(campaigns)s::bigint[])
            order by enrollment.id, step.id
        ), job as (
            insert into audiences_job (account_id, servicetitan_id, servicetitan_customer_id, number, status,
                created_on, total, no_charge, active)
            select %(account)s, 30000000 + won.id, contact.servicetitan_customer_id, 'J' || won.id,
                   'Scheduled', won.at, 350, false, true
            from won join audiences_contact contact on contact.id = won.contact_id
            returning id, servicetitan_id
        ), standing as (
            insert into analytics_jobstanding
                (job_id, account_id, at, stage, invoiced_cents, refunded_cents, revenue_cents, verdict,
                 reason, campaign_id, node_id, enrollment_id, message_id)
            select job.id, %(account)s, won.at, 'booked', 0, 0, 0, 'credited', '', won.campaign_id,
                   won.node_id, won.id, won.message
            from won join job on job.servicetitan_id = 30000000 + won.id
        )
        insert into analytics_jobcredit
            (account_id, job_id, campaign_id, node_id, enrollment_id, message_id, link, at)
        select %(account)s, job.id, won.campaign_id, won.node_id, won.id, won.message, 'booking', won.at
        from won join job on job.servicetitan_id = 30000000 + won.id
    """,
    "people forgotten": "drop table page_person",
}
