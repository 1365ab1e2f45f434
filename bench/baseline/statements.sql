-- One statement for each message.  $1 to $4 are the station, the message's id, its action and its
-- payload: what the row of the log needs.

-- name: boot
WITH booted AS (UPDATE stations SET booted_at = clock_timestamp() WHERE id = $1)
INSERT INTO messages (station_id, message_id, action, request, response)
VALUES ($1, $2, $3, $4, $5)

-- name: authorize
WITH tag AS (
  SELECT max(id) AS id, coalesce(max(status), 'Invalid') AS status FROM tags WHERE value = $5
), decision AS (
  INSERT INTO authorisations (station_id, token, tag_id, occasion, verdict, sentence)
  SELECT $1, $5, id, 'authorize', status, format('The tag %s is %s.', $5::text, status) FROM tag
), logged AS (
  INSERT INTO messages (station_id, message_id, action, request, response)
  SELECT $1, $2, $3, $4, json_build_object(
    'idTagInfo', json_build_object('status', status))::text
  FROM tag
)
SELECT status FROM tag

-- name: start
WITH tag AS (
  SELECT max(id) AS id, max(driver_id) AS driver_id, coalesce(max(status), 'Invalid') AS status
  FROM tags WHERE value = $5
), session AS (
  INSERT INTO charging_sessions (station_id, start_key, connector, state, token, tag_id, driver_id,
    timezone, currency, tariff_version_id, tariff_why, started_at, meter_start_wh)
  SELECT $1, $2, $6, 'charging', $5, id, driver_id, 'Europe/Berlin', 'EUR', 1,
    '“Standard” version 1 applies because it is the price of the site Bench.', $8, $7
  FROM tag
  ON CONFLICT (station_id, start_key) DO UPDATE SET start_key = excluded.start_key
  RETURNING id
), decision AS (
  INSERT INTO authorisations (station_id, token, tag_id, session_id, occasion, verdict, sentence)
  SELECT $1, $5, tag.id, session.id, 'start', status, format('The tag %s is %s.', $5::text, status)
  FROM tag, session
), logged AS (
  INSERT INTO messages (station_id, session_id, message_id, action, request, response)
  SELECT $1, session.id, $2, $3, $4, json_build_object(
    'transactionId', session.id, 'idTagInfo', json_build_object('status', status))::text
  FROM tag, session
)
SELECT session.id, status FROM session, tag

-- name: meter
WITH session AS (
  SELECT max(id) AS id FROM charging_sessions WHERE id = $5 AND station_id = $1
), readings AS (
  INSERT INTO meter_readings (station_id, session_id, connector, taken_at, register_wh, power_w,
    current_a, voltage_v, samples)
  SELECT $1, session.id, $6, given.* FROM session, unnest($7::timestamptz[], $8::numeric[],
    $9::float8[], $10::float8[], $11::float8[], $12::text[]) AS given
  ON CONFLICT DO NOTHING
)
INSERT INTO messages (station_id, session_id, message_id, action, request, response)
SELECT $1, session.id, $2, $3, $4, '{}' FROM session

-- name: stop
WITH tag AS (
  SELECT max(id) AS id, coalesce(max(status), 'Invalid') AS status FROM tags WHERE value = $6
), session AS (
  UPDATE charging_sessions SET state = 'ended', ended_at = $8, stop_received_at = clock_timestamp(),
    meter_stop_wh = $7, energy_wh = $7 - meter_start_wh, stop_reason = $9, stop_token = $6
  WHERE id = $5 AND station_id = $1 AND state = 'charging'
  RETURNING id
), decision AS (
  INSERT INTO authorisations (station_id, token, tag_id, session_id, occasion, verdict, sentence)
  SELECT $1, $6, tag.id, $5, 'stop', status, format('The tag %s is %s.', $6::text, status) FROM tag
), logged AS (
  INSERT INTO messages (station_id, session_id, message_id, action, request, response)
  SELECT $1, $5, $2, $3, $4, json_build_object(
    'idTagInfo', json_build_object('status', status))::text
  FROM tag
)
SELECT status FROM tag
