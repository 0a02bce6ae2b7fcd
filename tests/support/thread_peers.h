// Several processes at work on one batch, played by threads.
#pragma once

#include <barrier>
#include <cstdint>
#include <thread>
#include <vector>

#include "core/batch_part.h"
#include "core/tensor.h"

namespace tessera::test {

/// Calls `body(peers, rank)` in `size` threads at once. The body must not throw.
template <typename Body>
void with_peers(int size, const Body& body) {
  struct Table {
    explicit Table(int size) : barrier(size), rows(static_cast<std::size_t>(size)) {}
    std::barrier<> barrier;
    std::vector<std::vector<double>> rows;
  };
  class Peer final : public Peers {
   public:
    Peer(Table& table, int rank) : table_(table), rank_(static_cast<std::size_t>(rank)) {}
    int size() const override { return static_cast<int>(table_.rows.size()); }
    std::vector<double> gather(std::span<const double> mine) override {
      table_.rows[rank_].assign(mine.begin(), mine.end());
      table_.barrier.arrive_and_wait();
      std::vector<double> all;
      for (const auto& row : table_.rows) all.insert(all.end(), row.begin(), row.end());
      table_.barrier.arrive_and_wait();
      return all;
    }

   private:
    Table& table_;
    std::size_t rank_;
  };
  Table table(size);
  std::vector<std::jthread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      Peer peer(table, rank);
      body(peer, rank);
    });
  }
}

/// Rows [first, first + count) of the first dimension of x [B, H, W, C].
inline Tensor rows_of(const Tensor& x, std::int64_t first, std::int64_t count) {
  return x.slice(first * x.numel() / x.dim(0), {count, x.dim(1), x.dim(2), x.dim(3)});
}

}  // namespace tessera::test
