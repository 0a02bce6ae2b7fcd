#include "core/onednn/quantized_matmul.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "core/onednn/primitive_descs.h"

namespace tessera::onednn {
namespace {

using Type = memory::data_type;

memory::desc rows_of(std::int64_t rows, std::int64_t columns, Type type) {
  return {{rows, columns}, type, Dims{columns, 1}};
}

// Scales of the n columns of C. Version 2 would take them at run time too, but then by loops of a
// hundredth of the speed: there they are part of the primitive, which computes scales * (A B +
// bias); version 3 takes them with each run, and adds the bias behind them.
dnnl::primitive_attr attributes_of([[maybe_unused]] const float* scales,
                                   [[maybe_unused]] std::int64_t n) {
  constexpr int kColumns = 1 << 1;
  dnnl::primitive_attr attributes = base_attributes();
#if DNNL_VERSION_MAJOR >= 3
  attributes.set_scales_mask(DNNL_ARG_WEIGHTS, kColumns);
#else
  attributes.set_output_scales(kColumns, {scales, scales + n});
#endif
  return attributes;
}

constexpr bool kFixedScales = DNNL_VERSION_MAJOR < 3;

dnnl::matmul::primitive_desc describe(const QuantizedMatmul& args, const memory::desc& b) {
  return matmul_desc(rows_of(args.m, args.k, Type::u8), b, rows_of(1, args.n, Type::f32),
                     rows_of(args.m, args.n, type_of(args.c_dtype)),
                     attributes_of(args.scales, args.n));
}

// One layout for products of any number of rows: see packed_desc of matmul.cpp.
memory::desc packed_desc(std::int64_t k, std::int64_t n) {
  constexpr std::int64_t kTypicalRows = 512;
  static std::mutex mutex;
  static std::map<std::pair<std::int64_t, std::int64_t>, memory::desc> layouts;
  const std::lock_guard lock(mutex);
  memory::desc& layout = layouts[{k, n}];
  if (layout.get_size() == 0) {
    const memory::desc any({k, n}, Type::s8, memory::format_tag::any);
    const std::vector<float> scales(static_cast<std::size_t>(n), 1.0f);
    layout =
        describe({.m = kTypicalRows, .n = n, .k = k, .scales = scales.data()}, any).weights_desc();
  }
  return layout;
}

Primitive make_matmul(const QuantizedMatmul& args) {
  const memory::desc b = packed_desc(args.k, args.n);
  const auto desc = describe(args, b);
  Primitive primitive(dnnl::matmul(desc), desc.scratchpad_desc());
  primitive.add(DNNL_ARG_SRC, rows_of(args.m, args.k, Type::u8));
  primitive.add(DNNL_ARG_WEIGHTS, b);
  primitive.add(DNNL_ARG_DST, rows_of(args.m, args.n, type_of(args.c_dtype)));
  primitive.add(DNNL_ARG_BIAS, rows_of(1, args.n, Type::f32));
#if DNNL_VERSION_MAJOR >= 3
  primitive.add(DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, {{args.n}, Type::f32, Dims{1}});
#endif
  return primitive;
}

/// The bias as the library adds it.
const float* library_bias(const QuantizedMatmul& args) {
  if constexpr (!kFixedScales) return args.bias;
  thread_local Tensor buffer;
  if (!buffer || buffer.numel() < args.n) buffer = Tensor::empty({args.n});
  float* const bias = buffer.f32();
  for (std::int64_t i = 0; i < args.n; ++i) bias[i] = args.bias[i] / args.scales[i];
  return bias;
}

}  // namespace

bool has_native_int8() {
#if defined(__x86_64__)
  constexpr auto kVnni = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_vnni);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & kVnni) == kVnni;
#else
  return false;
#endif
}

void matmul(const QuantizedMatmul& args) {
  if (args.m * args.n == 0) return;
  struct Product {
    Primitive primitive;
    std::vector<float> scales;  // that are part of it
  };
  thread_local Cache<Product> cache;
  constexpr std::size_t kMost = 4096;  // of weights that are gone, too
  if (cache.size() > kMost) cache.clear();
  const auto place = kFixedScales ? reinterpret_cast<std::intptr_t>(args.scales) : 0;
  Product& product =
      cache[{args.m, args.n, args.k, static_cast<std::int64_t>(args.c_dtype), thread_key(), place}];
  // Other scales may stand at the place of some that are gone.
  const bool same = !kFixedScales || std::equal(product.scales.begin(), product.scales.end(),
                                                args.scales, args.scales + args.n);
  if (!product.primitive || !same)
    product = {make_matmul(args), {args.scales, args.scales + args.n}};
  if constexpr (kFixedScales) {
    product.primitive.run({args.a, args.b, args.c, library_bias(args)});
  } else {
    product.primitive.run({args.a, args.b, args.c, library_bias(args), args.scales});
  }
}

Tensor byte_buffer(std::int64_t bytes) { return Tensor::empty({(bytes + 3) / 4}); }

Tensor pack_transposed(std::span<const std::int8_t> b, std::int64_t n, std::int64_t k) {
  const memory::desc packed = packed_desc(k, n);
  Primitive reorder = make_reorder({{k, n}, Type::s8, Dims{1, k}}, packed);
  Tensor result = byte_buffer(static_cast<std::int64_t>(packed.get_size()));
  reorder.run({b.data(), result.raw()});
  return result;
}

}  // namespace tessera::onednn
