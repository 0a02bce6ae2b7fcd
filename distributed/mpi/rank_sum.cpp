#include "distributed/mpi/rank_sum.h"

#include "core/kernels/element.h"
#include "core/parallel.h"

namespace tessera {
namespace {

MPI_Datatype type_of(DType wire) { return wire == DType::kBF16 ? MPI_UINT16_T : MPI_FLOAT; }

template <typename T>
TESSERA_KERNEL void add_to(const T* part, float* sums, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) sums[i] += load(part[i]);
}

/// sums = part 0 + part 1 + ..., of which `own` is part `rank`; sums may be own.
template <typename T>
void add_parts(const T* parts, std::int64_t stride, int size, int rank, const float* own,
               float* sums, std::int64_t count) {
  constexpr std::int64_t kRoom = 4096;
  for (std::int64_t first = 0; first < count; first += kRoom) {
    const std::int64_t length = std::min(kRoom, count - first);
    std::array<float, kRoom> total{};
    for (int r = 0; r < size; ++r) {
      if (r == rank) {
        add_to(own + first, total.data(), length);
      } else {
        add_to(parts + r * stride + first, total.data(), length);
      }
    }
    std::copy_n(total.data(), length, sums + first);
  }
}

}  // namespace

Parts::Parts(std::int64_t count, int size) {
  for (int r = 0; r < size; ++r) {
    const ElementRange part = part_of(count, r, size);
    places.push_back(static_cast<int>(part.begin));
    counts.push_back(static_cast<int>(part.end - part.begin));
  }
}

namespace {

int rank_in(MPI_Comm comm) {
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  return rank;
}

int size_of(MPI_Comm comm) {
  int size = 0;
  MPI_Comm_size(comm, &size);
  return size;
}

}  // namespace

RankSum::RankSum(const Tensor& values, DType wire, SumGoesTo place, MPI_Comm spread)
    : values_(values),
      wire_(wire),
      place_(place),
      rank_(rank_in(spread)),
      size_(size_of(spread)),
      split_(values.numel(), size_) {
  sent_ = wire_ == DType::kBF16 ? cast(values_, wire_) : values_;
  const int own = split_.counts[static_cast<std::size_t>(rank_)];
  parts_ = Tensor::empty({size_, own}, wire_);
  // Nobody sends to himself.
  std::vector<int> send_counts = split_.counts;
  send_counts[static_cast<std::size_t>(rank_)] = 0;
  part_counts_.assign(static_cast<std::size_t>(size_), own);
  part_counts_[static_cast<std::size_t>(rank_)] = 0;
  send_counts_ = std::move(send_counts);
  for (int r = 0; r < size_; ++r) part_places_.push_back(r * own);
  MPI_Ialltoallv(sent_.raw(), send_counts_.data(), split_.places.data(), type_of(wire_),
                 parts_.raw(), part_counts_.data(), part_places_.data(), type_of(wire_), spread,
                 &request_);
}

bool RankSum::has_parts() {
  int done = 0;
  MPI_Test(&request_, &done, MPI_STATUS_IGNORE);
  return done != 0;
}

void RankSum::add(MPI_Comm collect) {
  const auto own = static_cast<std::size_t>(rank_);
  float* const sums = values_.f32() + split_.places[own];
  const std::int64_t stride = split_.counts[own];
  with_element_type(wire_, [&](auto element) {
    using T = decltype(element);
    parallel_for(stride, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
      add_parts(parts_.data<T>() + begin, stride, size_, rank_, sums + begin, sums + begin,
                end - begin);
    });
    // Everybody must go on with the same bits: also the sums of this rank are what travels.
    if (wire_ == DType::kBF16) {
      BF16* const travels = sent_.data<BF16>() + split_.places[own];
      parallel_for(stride, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          store(travels[i], sums[i]);
          sums[i] = load(travels[i]);
        }
      });
    }
  });
  done_ = place_ == SumGoesTo::kParts;
  if (done_) return;
  MPI_Iallgatherv(MPI_IN_PLACE, 0, type_of(wire_), sent_.raw(), split_.counts.data(),
                  split_.places.data(), type_of(wire_), collect, &request_);
}

bool RankSum::is_done() {
  if (done_) return true;
  int done = 0;
  MPI_Test(&request_, &done, MPI_STATUS_IGNORE);
  if (done == 0) return false;
  if (wire_ == DType::kBF16) values_.copy_from(cast(sent_, DType::kF32));
  done_ = true;
  return true;
}

}  // namespace tessera
