#include "formats/pickle_names.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace tessera {
namespace {

struct Row {
  std::string_view global;
  PickleName name;
};

using enum PickleName;

constexpr Row kRows[] = {
    {"torch._utils _rebuild_tensor_v2", kRebuildTensor},
    {"torch._utils _rebuild_parameter", kRebuildParameter},
    {"torch._utils _rebuild_parameter_with_state", kRebuildParameter},
    {"torch._tensor _rebuild_from_type_v2", kRebuildSubclass},
    {"torch Tensor", kTensorClass},
    {"torch.nn.parameter Parameter", kTensorClass},
    {"torch.nn.parameter Buffer", kTensorClass},
    {"torch Size", kSize},
    // State dictionaries, and the settings and counts of training scripts, which stand beside them.
    {"collections OrderedDict", kDictionary},
    {"argparse Namespace", kDictionary},
    {"types SimpleNamespace", kDictionary},
    {"yacs.config CfgNode", kDictionary},
    {"easydict EasyDict", kDictionary},
    {"addict.addict Dict", kDictionary},
    {"munch Munch", kDictionary},
    {"mmcv.utils.config ConfigDict", kDictionary},
    {"mmengine.config.config ConfigDict", kDictionary},
    {"pytorch_lightning.utilities.parsing AttributeDict", kDictionary},
    {"lightning.pytorch.utilities.parsing AttributeDict", kDictionary},
    {"lightning.fabric.utilities.data AttributeDict", kDictionary},
    {"lightning_fabric.utilities.data AttributeDict", kDictionary},
    {"collections defaultdict", kArgumentDictionary},
    {"collections Counter", kArgumentDictionary},
    {"collections deque", kPassedOver},
    {"_codecs encode", kPassedOver},
    {"decimal Decimal", kPassedOver},
    {"fractions Fraction", kPassedOver},
    {"uuid UUID", kPassedOver},
    {"mmengine.config.config Config", kPassedOver},
    {"mmengine.logging.history_buffer HistoryBuffer", kPassedOver},
    {"torch device", kPassedOver},
};

/// Modules of plain data: a name in them is passed over, whatever it is.
constexpr std::string_view kPlainModules[] = {"datetime", "numpy", "omegaconf", "pathlib",
                                              "typing"};

constexpr std::string_view kBuiltinTypes[] = {
    "set",  "frozenset", "bytearray", "complex", "slice", "range", "xrange", "int",
    "long", "float",     "str",       "list",    "dict",  "tuple", "bool",   "object"};

/// Types of elements and of layouts, which settings name.
constexpr std::string_view kTorchTypes[] = {
    "float32",      "float", "float64", "double", "float16", "half",    "bfloat16",
    "int8",         "int16", "int32",   "int64",  "int",     "long",    "short",
    "uint8",        "bool",  "uint16",  "uint32", "uint64",  "strided", "contiguous_format",
    "channels_last"};

constexpr std::pair<std::string_view, StoredType> kStorages[] = {
    {"torch DoubleStorage", StoredType::kF64}, {"torch FloatStorage", StoredType::kF32},
    {"torch HalfStorage", StoredType::kF16},   {"torch BFloat16Storage", StoredType::kBF16},
    {"torch LongStorage", StoredType::kI64},   {"torch IntStorage", StoredType::kI32},
    {"torch ShortStorage", StoredType::kI16},  {"torch CharStorage", StoredType::kI8},
    {"torch ByteStorage", StoredType::kU8},    {"torch BoolStorage", StoredType::kBool},
};

template <std::size_t N>
bool is_one_of(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

std::optional<PickleName> pickle_name(std::string_view global) {
  for (const Row& row : kRows) {
    if (row.global == global) return row.name;
  }
  const std::string_view module = global.substr(0, global.find(' '));
  const std::string_view name = global.substr(std::min(global.size(), module.size() + 1));
  if (is_one_of(kPlainModules, module.substr(0, module.find('.')))) return kPassedOver;
  if ((module == "builtins" || module == "__builtin__") && is_one_of(kBuiltinTypes, name)) {
    return kPassedOver;
  }
  if (module != "torch") return std::nullopt;
  if (name.ends_with("Storage")) return kStorage;
  return is_one_of(kTorchTypes, name) ? std::optional(kPassedOver) : std::nullopt;
}

std::optional<StoredType> storage_type(std::string_view global) {
  for (const auto& [name, type] : kStorages) {
    if (name == global) return type;
  }
  return std::nullopt;
}

}  // namespace tessera
