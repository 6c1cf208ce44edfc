-- A delta is a whole number of 32 bits; a sum of cents that is larger comes in parts.

create or replace function analytics_delta_parts(bigint) returns table (n integer) language sql immutable as $$
  select (sign($1) * least(2000000000, abs($1) - part * 2000000000))::integer
  from generate_series(0, (abs($1) - 1) / 2000000000) part where $1 <> 0
$$;
