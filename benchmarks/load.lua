-- Makes wrk send the lines of the file that BODIES names, in turn, and print its summary as JSON.
local bodies = {}
for line in io.lines(os.getenv("BODIES")) do
   bodies[#bodies + 1] = line
end
local turn = 0
local headers = { ["Content-Type"] = "application/json" }

request = function()
   turn = turn % #bodies + 1
   return wrk.format("POST", nil, headers, bodies[turn])
end

done = function(summary, latency)
   local errors = summary.errors
   local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   io.write(string.format(
      '\n{"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "failed": %d}\n',
      summary.requests - failed, summary.duration / 1e6, latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
      failed))
end
