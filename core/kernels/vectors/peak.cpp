// Arithmetic in registers, as fast as the target can.
#include "core/kernels/vectors/tiles-inl.h"
#include "core/kernels/vectors/vector-inl.h"

namespace tessera {
namespace {

using ops::kLanes;
using ops::Vec;

// Twelve independent chains hide the latency of two fused multiply-add units.
constexpr int kChains = 12;
constexpr std::int64_t kRounds = 100'000;

Vec total_of(const Vec (&sums)[kChains]) {
  Vec total = {};
  for (const Vec& sum : sums) total += sum;
  return total;
}

double multiply_adds(float* result) {
  Vec sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = Vec{} + result[i];  // not known when compiling
  for (std::int64_t round = 0; round < kRounds; ++round) {
    for (Vec& sum : sums) sum = sum * 0.999f + 0.001f;
  }
  ops::store(result, total_of(sums));
  return 2.0 * kLanes * kChains * kRounds;
}

#if TESSERA_TILES
// Six sums and their two factors are all the tiles there are.
double bf16_dots(float* result) {
  const ops::TileScope scope(ops::kTileRows, ops::kTileWords);
  ops::zero_tiles<0, 1, 2, 3, 4, 5, 6, 7>();
  for (std::int64_t round = 0; round < kRounds; ++round) {
    ops::add_tile_product<0, 6, 7>();
    ops::add_tile_product<1, 6, 7>();
    ops::add_tile_product<2, 6, 7>();
    ops::add_tile_product<3, 6, 7>();
    ops::add_tile_product<4, 6, 7>();
    ops::add_tile_product<5, 6, 7>();
  }
  alignas(64) float sums[16 * 16];
  ops::store_tile<0>(sums, 16);
  result[0] = sums[0];
  return 2.0 * 16 * 16 * 32 * 6 * kRounds;
}
#elif defined(__x86_64__) && TESSERA_BF16_UNIT
double bf16_dots(float* result) {
  __m512 sums[kChains];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  const __m512bh factor = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.25f));
  for (std::int64_t round = 0; round < kRounds; ++round) {
    for (__m512& sum : sums) sum = _mm512_dpbf16_ps(sum, factor, factor);
  }
  __m512 total = _mm512_setzero_ps();
  for (const __m512& sum : sums) total = _mm512_add_ps(total, sum);
  _mm512_storeu_ps(result, total);
  return 2.0 * 32 * kChains * kRounds;
}
#else
constexpr double (*bf16_dots)(float*) = nullptr;
#endif

#if defined(__x86_64__) && TESSERA_BF16_UNIT
double int8_dots(float* result) {
  __m512i sums[kChains];
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  const __m512i factor = _mm512_set1_epi8(1);
  for (std::int64_t round = 0; round < kRounds; ++round) {
    for (__m512i& sum : sums) sum = _mm512_dpbusd_epi32(sum, factor, factor);
  }
  __m512i total = _mm512_setzero_si512();
  for (const __m512i& sum : sums) total = _mm512_add_epi32(total, sum);
  _mm512_storeu_si512(result, total);
  return 2.0 * 64 * kChains * kRounds;
}
#else
constexpr double (*int8_dots)(float*) = nullptr;
#endif

}  // namespace

namespace TESSERA_TARGET {
extern const PeakChains kPeakChains;
const PeakChains kPeakChains{multiply_adds, bf16_dots, int8_dots};
}  // namespace TESSERA_TARGET

}  // namespace tessera
