#include "distributed/communicator.h"

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
  void start_sum(const Tensor&, DType) override {}
  void progress() override {}
  void finish_sums() override {}
  bool hand_over(std::string_view, int) override { return false; }
  void abort(int exit_code) override { std::_Exit(exit_code); }
};

}  // namespace

Communicator& one_process() {
  static OneProcess process;
  return process;
}

}  // namespace tessera
