-- The tables of the baseline.
CREATE TABLE stations (id bigserial PRIMARY KEY, identity text NOT NULL UNIQUE, booted_at timestamptz);
CREATE TABLE tags (id bigserial PRIMARY KEY, value text NOT NULL UNIQUE, driver_id bigint NOT NULL,
  status text NOT NULL DEFAULT 'Accepted');
CREATE TABLE authorisations (
  id bigserial PRIMARY KEY, station_id bigint NOT NULL REFERENCES stations, token text NOT NULL,
  tag_id bigint, session_id bigint, occasion text NOT NULL, verdict text NOT NULL,
  sentence text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX ON authorisations (station_id, at);
CREATE TABLE charging_sessions (
  id bigserial PRIMARY KEY, station_id bigint NOT NULL REFERENCES stations, connector int NOT NULL,
  start_key text NOT NULL, state text NOT NULL, token text NOT NULL, tag_id bigint,
  driver_id bigint, timezone text NOT NULL, currency text NOT NULL, tariff_version_id bigint,
  tariff_why text, started_at timestamptz NOT NULL,
  start_received_at timestamptz NOT NULL DEFAULT clock_timestamp(), ended_at timestamptz,
  stop_received_at timestamptz, meter_start_wh numeric NOT NULL, meter_stop_wh numeric,
  energy_wh numeric NOT NULL DEFAULT 0, stop_reason text, stop_token text,
  UNIQUE (station_id, start_key));
CREATE INDEX ON charging_sessions (station_id, state);
CREATE TABLE meter_readings (
  id bigserial PRIMARY KEY, station_id bigint NOT NULL, session_id bigint, connector int NOT NULL,
  taken_at timestamptz NOT NULL, received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  register_wh numeric, power_w float8, current_a float8, voltage_v float8, samples text NOT NULL,
  UNIQUE (session_id, taken_at, connector));
CREATE TABLE messages (
  id bigserial PRIMARY KEY, station_id bigint NOT NULL, session_id bigint, message_id text NOT NULL,
  action text NOT NULL, request text NOT NULL, response text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX ON messages (station_id, at);
CREATE INDEX ON messages (session_id);
