#include "core/memory_pool.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "core/tensor.h"

namespace tessera {
namespace {

TEST_CASE("a repeated sequence of tensors takes nothing new from the system") {
  const auto step = [] {
    const Tensor a = Tensor::empty({1000, 33}), b = Tensor::empty({17});
    const Tensor c = Tensor::empty({1 << 20}), d = Tensor::empty({1000, 33});
    std::memset(c.raw(), 1, c.bytes());
  };
  step();
  const PoolStats before = Pool::global().stats();
  for (int i = 0; i < 10; ++i) step();
  const PoolStats after = Pool::global().stats();
  CHECK(after.system_allocations == before.system_allocations);
  CHECK(after.reserved_bytes == before.reserved_bytes);
  CHECK(after.live_bytes == before.live_bytes);
}

TEST_CASE("blocks are large enough and waste at most an eighth") {
  Pool& pool = Pool::global();
  for (std::size_t bytes = 1; bytes < (std::size_t{1} << 24); bytes = bytes * 5 / 4 + 1) {
    CAPTURE(bytes);
    Block* block = pool.acquire(bytes);
    CHECK(block->capacity >= bytes);
    CHECK(block->capacity <= bytes + bytes / 8 + 64);
    std::memset(block->data, 0xff, block->capacity);
    pool.release(block);
    Block* again = pool.acquire(bytes);
    CHECK(again == block);
    CHECK(reinterpret_cast<std::uintptr_t>(again->data) % 64 == 0);
    pool.release(again);
  }
}

TEST_CASE("tensors of other sizes take the memory of those that are gone") {
  std::vector<Tensor> tensors;
  for (int i = 0; i < 8; ++i) tensors.push_back(Tensor::empty({(3 + i) << 18}));
  tensors.clear();
  const std::size_t reserved = Pool::global().stats().reserved_bytes;
  for (int i = 0; i < 4; ++i) tensors.push_back(Tensor::empty({(9 + i) << 18}));
    // Under the sanitizer each size has blocks of its own.
#if !defined(__SANITIZE_ADDRESS__)
  CHECK(Pool::global().stats().reserved_bytes == reserved);
#endif
}

TEST_CASE("live and peak bytes follow what tensors hold") {
  Pool& pool = Pool::global();
  pool.reset_peak();
  const std::size_t start = pool.stats().live_bytes;
  {
    const Tensor a = Tensor::empty({1 << 16});
    const Tensor view = a.slice(5, {10});
    CHECK(pool.stats().live_bytes == start + (std::size_t{1} << 18));
  }
  CHECK(pool.stats().live_bytes == start);
  CHECK(pool.stats().peak_live_bytes == start + (std::size_t{1} << 18));
  pool.reset_peak();
  CHECK(pool.stats().peak_live_bytes == start);
}

TEST_CASE("threads may take and return blocks at once") {
  const std::size_t start = Pool::global().stats().live_bytes;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 2000; ++i) {
        const Tensor tensor = Tensor::empty({16 + (i * 7) % 300});
        const Tensor copy = tensor;
        copy.f32()[0] = static_cast<float>(t);
        if (tensor.f32()[0] != static_cast<float>(t)) std::abort();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(Pool::global().stats().live_bytes == start);
}

}  // namespace
}  // namespace tessera
