#include "layers/heads/make_head.h"

#include "layers/heads/detector_heads.h"
#include "layers/heads/light_heads.h"
#include "layers/heads/linear_head.h"
#include "layers/heads/pixel_head.h"
#include "layers/heads/upernet_head.h"

namespace tessera {

std::vector<ConfigProblem> head_problems(const ModelConfig& config) {
  switch (config.head.type) {
    case HeadType::kLinear:
      break;
    case HeadType::kUperNet:
      return UperNetHead::problems(config);
    case HeadType::kFpn:
    case HeadType::kFcn:
      return DenseHead::problems(config);
    case HeadType::kFcos:
      return FcosHead::problems(config);
    case HeadType::kRetinaNet:
      return detector_problems(config);
    case HeadType::kPixels:
      return PixelHead::problems(config);
  }
  return LinearHead::problems(config);
}

std::unique_ptr<Head> make_head(const ModelConfig& config) {
  switch (config.head.type) {
    case HeadType::kLinear:
      break;
    case HeadType::kUperNet:
      return std::make_unique<UperNetHead>(config);
    case HeadType::kFpn:
      return std::make_unique<FpnHead>(config);
    case HeadType::kFcn:
      return std::make_unique<FcnHead>(config);
    case HeadType::kFcos:
      return std::make_unique<FcosHead>(config);
    case HeadType::kRetinaNet:
      return std::make_unique<RetinaNetHead>(config);
    case HeadType::kPixels:
      return std::make_unique<PixelHead>(config);
  }
  return std::make_unique<LinearHead>(config);
}

}  // namespace tessera
