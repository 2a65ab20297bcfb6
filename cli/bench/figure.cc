#include "cli/bench/figure.h"

#include <algorithm>

namespace imroute::bench {

namespace {

uint64_t whole_batches(uint64_t messages, uint32_t batch) {
  return std::max<uint64_t>(messages / batch, 1) * batch;
}

double micros(int64_t ns) { return static_cast<double>(ns) / 1e3; }

}  // namespace

Shape routed_shape(uint64_t messages) {
  Shape shape;
  shape.messages = whole_batches(messages, shape.batch);
  return shape;
}

Shape paced_shape(uint64_t messages, uint64_t rate) {
  Shape shape = routed_shape(std::min(messages, 10 * rate));
  shape.rate = rate;
  return shape;
}

Shape round_trip_shape(uint64_t messages) {
  Shape shape;
  shape.batch = shape.window = 1;
  shape.messages = std::max<uint64_t>(messages / 50, 1);
  return shape;
}

Json figure_of(Load& load, const Shape& shape, const ProcessorTime& used) {
  load.open();
  Shape warm = shape;
  warm.messages = whole_batches(shape.messages / 10, shape.batch);
  load.run(warm);
  const DurationNs before = used();
  const Measured m = load.run(shape);
  const auto cpu = static_cast<double>(used() - before);
  const auto messages = static_cast<double>(m.messages);
  return {{"messages", m.messages},
          {"payload_bytes", shape.payload},
          {"batch", shape.batch},
          {"window", shape.window},
          {"rate", shape.rate},
          {"messages_per_second", messages * 1e9 / static_cast<double>(m.took_ns)},
          {"server_cpu_s_per_million", cpu / 1e3 / messages},
          {"latency_us",
           {{"p50", micros(m.latency.quantile_ppm(500'000))},
            {"p99", micros(m.latency.quantile_ppm(990'000))},
            {"p999", micros(m.latency.quantile_ppm(999'000))},
            {"max", micros(m.latency.max())}}}};
}

}  // namespace imroute::bench
