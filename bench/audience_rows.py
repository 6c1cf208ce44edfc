"""The statements that write one slice of customers, %(first)s to %(last)s; `n` is the customer's number.

`_share(n, salt)` is a number from 0 to 1 that looks random and never changes.
"""

FIRST_NAMES = (
    "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan"
    " Joseph Jessica Thomas Sarah Charles Karen Daniel Lisa Matthew Nancy Anthony Betty Mark Sandra Paul"
    " Ashley Steven Kimberly Andrew Emily Kenneth Donna Joshua Michelle Kevin Carol Brian Amanda George"
    " Melissa Timothy Deborah Jose Stephanie Juan Rebecca Luis Sharon Carlos Laura Omar Priya Wei Ana"
)
LAST_NAMES = (
    "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez"
    " Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark"
    " Ramirez Lewis Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams"
    " Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts O'Brien Kowalski Okafor Patel Kim Schmidt"
)
# Rare surnames are put together from these.
_BEGINNINGS = (
    "Abern Bald Brad Cald Carl Dal Dun Elling Fair Garr Gold Hamm Hart Holl Ing Kirk Lang Lind Mor New Nor"
    " Oak Pem Quin Rams Red Roth Sand Shef Stan Sut Thorn Under Vander Wake Wal Whit Win Wood York"
)
_ENDINGS = "berg bury by dale den field ford gate ham han hurst ington land ley man more ney son stein ton"
_STREETS = (
    "Oak Elm Maple Cedar Lake Hill Park Washington Lincoln Jefferson Walnut Chestnut Sunset River Church"
    " Meadow Forest Spring Highland Prairie Ridge Willow Birch Jackson Adams Franklin Clinton Madison Grant"
    " Pleasant"
)
_WAYS = "Street Avenue Road Drive Lane Court"
_TOWNS = (
    "Chicago Evanston Oak_Park Naperville Aurora Joliet Elgin Waukegan Cicero Schaumburg Skokie Wheaton"
    " Downers_Grove Lombard Berwyn Palatine Des_Plaines Orland_Park Tinley_Park Wilmette"
)
_TRADES = "Dental Bakery Realty Motors Law Church Storage Diner Pharmacy Fitness"


def _share(n: str, salt: int) -> str:
    return f"((hashint8extended(({n})::bigint, {salt}) & 2147483647) / 2147483648.0)"


def _one(words: str, share: str) -> str:
    """SQL: one of these words, by a share of 0 to 1."""
    chosen = words.split()
    listed = ", ".join("'" + word.replace("'", "''").replace("_", " ") + "'" for word in chosen)
    return f"(ARRAY[{listed}])[1 + floor({share} * {len(chosen)})::int]"


def _of(words: str, salt: int, n: str = "n") -> str:
    return _one(words, _share(n, salt))


_CUSTOMERS = "generate_series(%(first)s::bigint, %(last)s) n"
_HOME = "(n - (n %% 10 = 1 AND n > 1)::int)"  # the first of those who live there
_PHONE = "(n - (n %% 20 = 1 AND n > 1)::int)"  # the first of those who share it
_E164 = "'+1312' || lpad((2000000 + ({n} * 7919) %% 8000000)::text, 7, '0')"
_MAILBOX = "lower(replace({first}, '''', '') || '.' || replace({last}, '''', '')) || n || '@mail.example.com'"
_FIRST = _one(FIRST_NAMES, f"power({_share('n', 1)}, 1.6)")
_RARE = f"{_of(_BEGINNINGS, 3)} || {_of(_ENDINGS, 4)}"
_LAST = (
    f"CASE WHEN {_share(_HOME, 5)} < 0.4 THEN {_one(LAST_NAMES, f'power({_share(_HOME, 2)}, 1.6)')}"
    f" ELSE {_RARE.replace('(n)', f'({_HOME})')} END"
)
_COMPANY = "n %% 10 = 9"
_JOBS = f"(CASE WHEN {_share('n', 10)} < 0.08 THEN 0 ELSE 1 + floor({_share('n', 11)} * 7)::int END)"
_JOB_ID = "(n * 8 + k)"
_PEOPLE = f"(SELECT n, {_FIRST} AS first, {_LAST} AS last, {_HOME} AS home FROM {_CUSTOMERS} OFFSET 0) p"
_KINDS = "(ARRAY(SELECT id FROM {table} WHERE account_id = %(account)s ORDER BY servicetitan_id))"
_UNITS = _KINDS.format(table="accounts_businessunit")
_TYPES = _KINDS.format(table="audiences_jobtype")
_SOURCES = _KINDS.format(table="audiences_leadsource")
_MEMBERSHIPS = _KINDS.format(table="audiences_membershiptype")
_TAGS = _KINDS.format(table="audiences_tag")
_CREATED = f"%(now)s::timestamptz - interval '1 day' * floor(4300 * power({_share(_JOB_ID, 12)}, 1.5))"
_STATE = (
    f"CASE WHEN {_share(_JOB_ID, 13)} < 0.06 THEN 'Canceled'"
    f" WHEN {_share(_JOB_ID, 13)} < 0.075 AND made > %(now)s::timestamptz - interval '400 days'"
    " THEN 'Scheduled' ELSE 'Completed' END"
)
_TOTAL = (
    f"CASE WHEN type IN (3, 4, 5) THEN 4000 + floor({_share(_JOB_ID, 14)} * 900000) / 100"
    f" ELSE 89 + floor({_share(_JOB_ID, 14)} * 60000) / 100 END"
)
# OFFSET 0 keeps a drawn value from being drawn again wherever it is named.
_JOB_ROWS = f"""
    (SELECT *, {_STATE} AS state, {_TOTAL} AS total FROM
        (SELECT n, k, {_CREATED} AS made, 1 + floor(12 * power({_share(_JOB_ID, 15)}, 1.5))::int AS type
         FROM {_CUSTOMERS}, generate_series(0, {_JOBS} - 1) k OFFSET 0) drawn OFFSET 0) j
"""
_PAPERS = "j.servicetitan_id BETWEEN %(first)s::bigint * 8 AND %(last)s::bigint * 8 + 7"
_MY_JOBS = f"audiences_job j WHERE j.account_id = %(account)s AND {_PAPERS}"
_UNPAID = "(j.servicetitan_id %% 8 = 0 AND c.balance > 0)"
_AHEAD = "case when {made} then %(now)s::timestamptz + interval '3 days' end"  # when open jobs are visited
_CONTACT = "audiences_contact c ON c.account_id = %(account)s AND c.servicetitan_customer_id = n"
_ADDRESS = "audiences_address a ON a.account_id = %(account)s AND a.channel"

STATEMENTS = (
    f"""
    insert into audiences_household (account_id, key)
    select %(account)s, 'a:' || n from {_CUSTOMERS} where n = {_HOME}
    """,
    f"""
    insert into audiences_address (account_id, channel, value, line_type, unreachable_reason)
    select %(account)s, 'phone', {_E164.format(n="n")},
           case when n %% 8 = 3 then 'landline' else 'mobile' end, ''
    from {_CUSTOMERS} where n = {_PHONE}
    """,
    f"""
    insert into audiences_address (account_id, channel, value, line_type, unreachable_reason)
    select %(account)s, 'email', {_MAILBOX.format(first="p.first", last="p.last")}, 'unknown', ''
    from {_PEOPLE} where n %% 5 > 0
    """,
    f"""
    insert into audiences_job (account_id, servicetitan_id, number, servicetitan_customer_id,
        servicetitan_location_id, servicetitan_lead_call_id, recall_for_servicetitan_id, business_unit_id,
        job_type_id, lead_source_id, status, total, no_charge, active, created_on, completed_on)
    select %(account)s, {_JOB_ID}, {_JOB_ID}::text, n, n, null,
           case when j.type = 12 and k > 0 then {_JOB_ID} - 1 end, {_UNITS}[1 + n %% 4], {_TYPES}[j.type],
           {_SOURCES}[1 + n %% 6], j.state,
           case when j.state = 'Completed' then j.total end, false, true, j.made,
           case when j.state = 'Completed' then j.made + interval '2 days' end
    from {_JOB_ROWS}
    """,
    f"""
    insert into audiences_contact (account_id, servicetitan_customer_id, person, name, first_name, last_name,
        kind, language, active, do_not_service, do_not_mail, balance, customer_since, street, city, state,
        zip, household_id, zone_set_id, last_job_at, job_count, job_total, visited_at, next_visit_at,
        visits_noted_at, created_at)
    select %(account)s, n, '', case when {_COMPANY} then last || ' ' || {_of(_TRADES, 6)}
                                    else first || ' ' || last end,
           case when {_COMPANY} then '' else first end, case when {_COMPANY} then '' else last end,
           case when {_COMPANY} then 'commercial' else 'residential' end, 'en', {_share("n", 7)} > 0.03,
           {_share("n", 8)} < 0.01, false,
           case when {_share("n", 9)} < 0.05 then floor({_share("n", 20)} * 100000) / 100 else 0 end,
           %(now)s::timestamptz - interval '1 day' * floor(4400 * {_share("n", 21)}),
           100 + home %% 9900 || ' ' || {_of(_STREETS, 22, "home")} || ' ' || {_of(_WAYS, 23, "home")},
           {_of(_TOWNS, 24, "home")}, 'IL', (60000 + floor({_share("home", 24)} * 500))::int::text,
           h.id, %(zones)s, latest.at, coalesce(latest.jobs, 0), coalesce(latest.total, 0),
           latest.done, {_AHEAD.format(made="latest.ahead")}, %(now)s, %(now)s
    from {_PEOPLE}
    join audiences_household h on h.account_id = %(account)s and h.key = 'a:' || home
    left join (
        select j.servicetitan_customer_id as customer, max(coalesce(j.completed_on, j.created_on)) as at,
            count(*) as jobs, sum(j.total) as total, max(j.completed_on) as done,
            bool_or(j.status = 'Scheduled') as ahead
        from {_MY_JOBS} and j.active and j.status <> 'Canceled' group by 1
    ) latest on latest.customer = n
    """,
    f"""
    insert into audiences_contactaddress (contact_id, address_id, position, label, do_not_text)
    select c.id, a.id, 0, '', n %% 40 = 13
    from {_CUSTOMERS} join {_CONTACT}
    join {_ADDRESS} = 'phone' and a.value = {_E164.format(n=_PHONE)}
    """,
    f"""
    insert into audiences_contactaddress (contact_id, address_id, position, label, do_not_text)
    select c.id, a.id, 1, '', false
    from {_PEOPLE} join {_CONTACT}
    join {_ADDRESS} = 'email' and a.value = {_MAILBOX.format(first="p.first", last="p.last")}
    """,
    f"""
    insert into audiences_contacttag (contact_id, tag_id)
    select c.id, {_TAGS}[t] from {_CUSTOMERS} join {_CONTACT} cross join generate_series(1, 30) t
    where {_share("n * 32 + t", 25)} < 0.1 / t
    """,
    f"""
    insert into audiences_location (account_id, servicetitan_id, servicetitan_customer_id, active, street,
        unit, city, state, zip)
    select %(account)s, n, n, true, c.street, '', c.city, c.state, c.zip from {_CUSTOMERS} join {_CONTACT}
    """,
    f"""
    insert into audiences_appointment (account_id, servicetitan_id, servicetitan_job_id, starts_at, ends_at,
        status)
    select %(account)s, j.servicetitan_id, j.servicetitan_id, day, day + interval '2 hours',
           case j.status when 'Completed' then 'Done' else j.status end
    from (select j.*, coalesce({_AHEAD.format(made="j.status = 'Scheduled'")},
                                   j.created_on + interval '2 days') as day from {_MY_JOBS}) j
    """,
    f"""
    insert into audiences_customermembership (account_id, servicetitan_id, servicetitan_customer_id,
        servicetitan_location_id, membership_type_id, business_unit_id, status, starts_at, ends_at, active)
    select %(account)s, n, n, n, {_MEMBERSHIPS}[1 + n / 5 %% 2], null,
           case when {_share("n", 26)} < 0.7 then 'Active' else 'Expired' end,
           %(now)s::timestamptz - interval '1 day' * floor(1000 * {_share("n", 27)}), null, true
    from {_CUSTOMERS} where n %% 5 = 0
    """,
    f"""
    insert into audiences_estimate (account_id, servicetitan_id, servicetitan_customer_id,
        servicetitan_job_id, servicetitan_location_id, business_unit_id, name, status, subtotal, created_on,
        sold_at, active)
    select %(account)s, j.servicetitan_id, j.servicetitan_customer_id, j.servicetitan_id,
           j.servicetitan_customer_id, j.business_unit_id, 'Replacement',
           (array['Open', 'Sold', 'Dismissed', 'Dismissed'])[1 + j.servicetitan_id / 8 %% 4],
           2000 + j.servicetitan_id %% 9000, j.created_on,
           case when j.servicetitan_id / 8 %% 4 = 1 then j.created_on + interval '3 days' end, true
    from {_MY_JOBS} and j.servicetitan_id %% 8 = 2
    """,
    f"""
    insert into audiences_invoice (account_id, servicetitan_id, servicetitan_customer_id, servicetitan_job_id,
        business_unit_id, number, total, balance, invoiced_at, due_at, paid_at, active)
    select %(account)s, j.servicetitan_id, j.servicetitan_customer_id, j.servicetitan_id, j.business_unit_id,
           j.number, j.total, case when {_UNPAID} then c.balance else 0 end, j.completed_on,
           j.completed_on + interval '30 days', case when {_UNPAID} then null else j.completed_on end, true
    from audiences_job j join audiences_contact c on c.account_id = j.account_id
     and c.servicetitan_customer_id = j.servicetitan_customer_id
    where j.account_id = %(account)s and {_PAPERS} and j.total is not null
    """,
    f"""
    insert into audiences_optout (account_id, address_id, channel, contact_id, at, source, evidence, detector,
        provider_id, lifted_evidence, lifted_provider_id)
    select %(account)s, a.id, 'phone', c.id, %(now)s, 'text', 'STOP', 'keyword', '', '', ''
    from {_CUSTOMERS} join {_CONTACT}
    join {_ADDRESS} = 'phone' and a.value = {_E164.format(n="n")}
    where n %% 50 = 7
    """,
)
