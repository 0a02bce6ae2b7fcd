#include "layers/model_config.h"

namespace tessera {

void resolve_position(ModelConfig& config) {
  PositionConfig& position = config.position;
  if (!position.automatic) return;
  position.automatic = false;
  switch (config.name) {
    case ModelName::kSwin:
      position.relative = true;
      return;
    case ModelName::kSwinV2:
      position.continuous = true;
      return;
    case ModelName::kViT:
      position.absolute = true;
      return;
  }
}

}  // namespace tessera
