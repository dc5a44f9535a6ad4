-- For wrk: posts the body in $BODY_FILE with the bearer token in $TOKEN, prints one line of tab-separated figures.
local file = assert(io.open(os.getenv("BODY_FILE")))
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()
wrk.headers["Content-Type"] = "application/json"
if (os.getenv("TOKEN") or "") ~= "" then wrk.headers["Authorization"] = "Bearer " .. os.getenv("TOKEN") end

-- requests, seconds, p50 and p99 in ms, failures, mean bytes of an answer
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("RESULT\t%d\t%.3f\t%.2f\t%.2f\t%d\t%d\n", summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed, summary.bytes / math.max(1, summary.requests)))
end
