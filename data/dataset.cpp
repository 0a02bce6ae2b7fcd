#include "data/dataset.h"

#include "core/error.h"

namespace tessera {

std::int32_t Dataset::label(std::int64_t i) const {
  fail<DataError>("[{}] sample {} has {}, not one class", name(), i,
                  target_kind() == TargetKind::kMask ? "a mask" : "boxes");
}

}  // namespace tessera
