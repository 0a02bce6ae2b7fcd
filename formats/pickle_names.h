// The names of Python's that the reader of pickles knows.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/stored_tensor.h"

namespace tessera {

enum class PickleName : std::uint8_t {
  kDictionary,          ///< a dictionary, made empty
  kArgumentDictionary,  ///< one that is made with arguments, such as a default
  kPassedOver,          ///< plain data of which nothing is needed: numbers of NumPy, paths, devices
  kStorage,             ///< of a tensor; see storage_type
  kRebuildTensor,       ///< (storage, offset, shape, strides, ...)
  kRebuildSubclass,     ///< (function, class, arguments of the function, state)
  kRebuildParameter,    ///< (tensor, ...)
  kTensorClass,
  kSize,
};

/// `global` is the module and the name: `torch FloatStorage`. nullopt for all others, which might
/// do anything.
std::optional<PickleName> pickle_name(std::string_view global);

/// The elements of a kStorage; nullopt for those that no weights have, such as complex numbers.
std::optional<StoredType> storage_type(std::string_view global);

}  // namespace tessera
