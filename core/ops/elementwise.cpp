#include "core/ops/elementwise.h"

#include "core/error.h"
#include "core/parallel.h"

namespace tessera {
namespace {

constexpr std::int64_t kGrain = 1 << 14;

TESSERA_KERNEL void add_range(const float* a, const float* b, float* sum, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) sum[i] = a[i] + b[i];
}

TESSERA_KERNEL void add_range_bf16(const BF16* a, const BF16* b, BF16* sum, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) sum[i] = to_bf16(to_f32(a[i]) + to_f32(b[i]));
}

void add_to(const Tensor& a, const Tensor& b, const Tensor& sum) {
  parallel_for(sum.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    if (sum.dtype() == DType::kF32) {
      add_range(a.f32() + begin, b.f32() + begin, sum.f32() + begin, end - begin);
    } else {
      add_range_bf16(a.data<BF16>() + begin, b.data<BF16>() + begin, sum.data<BF16>() + begin,
                     end - begin);
    }
  });
}

}  // namespace

void add_into(const Tensor& sum, const Tensor& term) { add_to(sum, term, sum); }

namespace ops {

Var add(Tape& tape, const Var& a, const Var& b) {
  if (a.shape() != b.shape() || a.value.dtype() != b.value.dtype()) {
    fail<ShapeError>("[add] {} {} + {} {}", name_of(a.value.dtype()), a.shape(),
                     name_of(b.value.dtype()), b.shape());
  }
  const double count = static_cast<double>(a.value.numel());
  OpScope op(tape, "add", {count, 3.0 * static_cast<double>(a.value.bytes())});
  Tensor sum = Tensor::empty(a.shape(), a.value.dtype());
  add_to(a.value, b.value, sum);
  return tape.record(std::move(sum), any_wants_grad(a, b),
                     [a = a.target(), b = b.target()](Tape& t, const Tensor& dy) {
                       t.pass(a, dy);
                       t.pass(b, dy);
                     });
}

}  // namespace ops
}  // namespace tessera
