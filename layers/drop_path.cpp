#include "layers/drop_path.h"

#include "core/ops/dropout.h"

namespace tessera {

Tensor DropPath::scale(const Tape& tape, std::int64_t batch) const {
  return ops::drop_path_scale(tape, batch, rate, lane);
}

}  // namespace tessera
