#include "distributed/communicator.h"

#include <algorithm>
#include <cstdlib>

#include "core/parallel.h"

namespace tessera {
namespace {

class OneProcess final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  int threads() const override { return num_threads(); }
  std::vector<double> gather(std::span<const double> mine) override {
    return {mine.begin(), mine.end()};
  }
  std::vector<std::string> gather_bytes(std::string_view mine) override {
    return {std::string(mine)};
  }
  void broadcast(std::span<std::byte>) override {}
  bool on_one_machine() const override { return true; }
  void start_sum(const Tensor&, DType, SumGoesTo) override {}
  void progress() override {}
  void finish_sums() override {}
  void exchange_parts(const Tensor&) override {}
  bool hand_over(std::string_view, int) override { return false; }
  void abort(int exit_code) override { std::_Exit(exit_code); }
};

}  // namespace

ElementRange part_of(std::int64_t count, int rank, int size) {
  constexpr std::int64_t kLine = 16;  // floats
  const std::int64_t lines = (count + kLine - 1) / kLine;
  return {std::min(count, lines * rank / size * kLine),
          std::min(count, lines * (rank + 1) / size * kLine)};
}

Communicator& one_process() {
  static OneProcess process;
  return process;
}

}  // namespace tessera
