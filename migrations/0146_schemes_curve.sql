-- Curves of rules (modules/schemes/language/curve.ts): input to 20 decimals, result to 10, halves
-- away from zero; null where there is no value, or one beyond e to the 40th.

create function schemes_sqrt(x numeric) returns numeric
  language sql immutable strict parallel safe
  return case when x >= 0 then round(sqrt(round(x, 20)), 10) end;

create function schemes_ln(x numeric) returns numeric
  language sql immutable strict parallel safe
  return case when round(x, 20) > 0 then round(ln(round(x, 20)), 10) end;

create function schemes_log(x numeric, base numeric) returns numeric
  language sql immutable strict parallel safe
  return case when round(x, 20) > 0 and round(base, 20) > 0 and round(base, 20) <> 1
    then round(ln(round(x, 40)) / ln(round(base, 40)), 10) end;

create function schemes_exp(x numeric) returns numeric
  language sql immutable strict parallel safe
  return case when abs(round(x, 20)) <= 40 then round(exp(round(x, 20)), 10) end;

create function schemes_power(x numeric, y numeric) returns numeric
  language sql immutable strict parallel safe
  return case
    when x = 0 and y >= 0 then case when y = 0 then 1 else 0 end::numeric
    when x = 0 or x < 0 and y <> trunc(y) then null
    when abs(y * ln(abs(round(x, 20)))) <= 40 then round(power(round(x, 20), round(y, 20)), 10)
  end;
