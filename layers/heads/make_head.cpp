#include "layers/heads/make_head.h"

#include "layers/heads/linear_head.h"

namespace tessera {

std::vector<ConfigProblem> head_problems(const ModelConfig& config) {
  switch (config.head.type) {
    case HeadType::kLinear:
      break;
  }
  return LinearHead::problems(config);
}

std::unique_ptr<Head> make_head(const ModelConfig& config) {
  switch (config.head.type) {
    case HeadType::kLinear:
      break;
  }
  return std::make_unique<LinearHead>(config);
}

}  // namespace tessera
