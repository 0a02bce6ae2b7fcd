#include "core/onednn/matmul.h"

#include <map>
#include <mutex>
#include <tuple>

#include "core/onednn/bf16_copies.h"
#include "core/onednn/primitive_descs.h"

namespace tessera::onednn {
namespace {

memory::desc matrix_desc(std::int64_t batch, std::int64_t rows, std::int64_t columns,
                         bool transposed, DType dtype) {
  const Dims strides =
      transposed ? Dims{rows * columns, 1, rows} : Dims{rows * columns, columns, 1};
  if (batch == 1) return {{rows, columns}, type_of(dtype), Dims{strides[1], strides[2]}};
  return {{batch, rows, columns}, type_of(dtype), strides};
}

// The layout is asked for once, with a typical number of rows, so that products of any number of
// rows on any number of threads agree on it.
memory::desc packed_desc(std::int64_t k, std::int64_t n, DType dtype) {
  constexpr std::int64_t kTypicalRows = 512;
  static std::mutex mutex;
  static std::map<std::tuple<std::int64_t, std::int64_t, DType>, memory::desc> layouts;
  const std::lock_guard lock(mutex);
  memory::desc& layout = layouts[{k, n, dtype}];
  if (layout.get_size() == 0) {
    const memory::desc any({k, n}, type_of(dtype), memory::format_tag::any);
    layout = matmul_desc(matrix_desc(1, kTypicalRows, k, false, dtype), any, {},
                         matrix_desc(1, kTypicalRows, n, false, dtype), base_attributes())
                 .weights_desc();
  }
  return layout;
}

Primitive make_matmul(const Matmul& args) {
  const memory::desc a = matrix_desc(args.batch, args.m, args.k, args.a_transposed, args.a_dtype);
  const memory::desc b =
      args.b_packed ? packed_desc(args.k, args.n, args.b_dtype)
                    : matrix_desc(args.batch, args.k, args.n, args.b_transposed, args.b_dtype);
  const memory::desc c = matrix_desc(args.batch, args.m, args.n, false, args.c_dtype);
  memory::desc bias;
  if (args.bias != nullptr) {
    bias = args.batch == 1
               ? memory::desc({1, args.n}, memory::data_type::f32, Dims{args.n, 1})
               : memory::desc({1, 1, args.n}, memory::data_type::f32, Dims{args.n, args.n, 1});
  }
  dnnl::primitive_attr attributes = base_attributes();
  dnnl::post_ops post_ops;
  if (args.accumulate) post_ops.append_sum(1.0f);
  attributes.set_post_ops(post_ops);
  const auto desc = matmul_desc(a, b, bias, c, attributes);
  Primitive primitive(dnnl::matmul(desc), desc.scratchpad_desc());
  primitive.add(DNNL_ARG_SRC, a);
  primitive.add(DNNL_ARG_WEIGHTS, b);
  primitive.add(DNNL_ARG_DST, c);
  if (args.bias != nullptr) primitive.add(DNNL_ARG_BIAS, bias);
  return primitive;
}

/// Products of nothing, which the library divides by: C is the bias, or nothing is added.
void empty_product(const Matmul& args) {
  if (args.accumulate && args.bias == nullptr) return;
  for (std::int64_t i = 0; i < args.batch * args.m * args.n; ++i) {
    const float value = args.bias != nullptr ? args.bias[i % args.n] : 0.0f;
    if (args.c_dtype == DType::kBF16) {
      BF16& c = static_cast<BF16*>(args.c)[i];
      c = to_bf16(args.accumulate ? to_f32(c) + value : value);
    } else {
      float& c = static_cast<float*>(args.c)[i];
      c = args.accumulate ? c + value : value;
    }
  }
}

bool has_bf16(const Matmul& args) {
  return args.a_dtype == DType::kBF16 || args.b_dtype == DType::kBF16 ||
         args.c_dtype == DType::kBF16;
}

void matmul_of_copies(const Matmul& args) {
  const F32Copy a(args.a, args.a_dtype, args.batch * args.m * args.k);
  const F32Copy b(args.b, args.b_dtype, args.batch * args.k * args.n);
  F32Result c(args.c, args.c_dtype, args.batch * args.m * args.n, args.accumulate);
  Matmul copies = args;
  copies.a = a.data();
  copies.b = b.data();
  copies.c = c.data();
  copies.a_dtype = copies.b_dtype = copies.c_dtype = DType::kF32;
  copies.b_packed = args.b_packed && args.b_dtype == DType::kF32;
  matmul(copies);
  c.store();
}

}  // namespace

void matmul(const Matmul& args) {
  if (args.batch * args.m * args.n * args.k == 0) return empty_product(args);
  if (has_bf16(args) && !has_bf16_products()) return matmul_of_copies(args);
  thread_local Cache<Primitive> cache;
  const Key key = {args.batch,
                   args.m,
                   args.n,
                   args.k,
                   args.a_transposed,
                   args.b_transposed,
                   args.b_packed,
                   static_cast<std::int64_t>(args.a_dtype),
                   static_cast<std::int64_t>(args.b_dtype),
                   static_cast<std::int64_t>(args.c_dtype),
                   args.bias != nullptr,
                   args.accumulate,
                   thread_key()};
  Primitive& primitive = cache[key];
  if (!primitive) primitive = make_matmul(args);
  if (args.bias != nullptr) {
    primitive.run({args.a, args.b, args.c, args.bias});
  } else {
    primitive.run({args.a, args.b, args.c});
  }
}

Tensor pack(const Tensor& b, bool b_transposed, DType dtype) {
  if (dtype == DType::kBF16 && !has_bf16_products()) return cast(b, dtype);  // as it lies
  struct Packing {
    Primitive reorder;
    std::int64_t elements = 0;  // with those that fill up blocks
  };
  thread_local Cache<Packing> cache;
  const std::int64_t k = b.dim(b_transposed ? 1 : 0), n = b.dim(b_transposed ? 0 : 1);
  Packing& packing = cache[{k, n, b_transposed, static_cast<std::int64_t>(b.dtype()),
                            static_cast<std::int64_t>(dtype), thread_key()}];
  if (!packing.reorder) {
    const memory::desc packed = packed_desc(k, n, dtype);
    packing.reorder = make_reorder(matrix_desc(1, k, n, b_transposed, b.dtype()), packed);
    packing.elements = static_cast<std::int64_t>(packed.get_size() / size_of(dtype));
  }
  Tensor result = Tensor::empty({packing.elements}, dtype);
  packing.reorder.run({b.raw(), result.raw()});
  return result;
}

}  // namespace tessera::onednn
