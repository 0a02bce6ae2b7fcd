#include "optim/optimizer.h"

#include "core/error.h"
#include "core/kernels/cpu.h"
#include "optim/adamw.h"
#include "optim/muon.h"
#include "optim/sgd.h"

namespace tessera {

std::int64_t state_buffers(OptimizerName name) {
  switch (name) {
    case OptimizerName::kAdamW:
      return AdamW::kBuffers;
    case OptimizerName::kMuon:
      return Muon::kBuffers;
    case OptimizerName::kSgd:
      return Sgd::kBuffers;
  }
  fail<ConfigError>("[state_buffers] unknown optimizer {}", static_cast<int>(name));
}

std::unique_ptr<Optimizer> make_optimizer(const OptimConfig& config, const ParameterStore& store,
                                          DType precision) {
  const bool low = precision == DType::kBF16 && has_native_bf16();
  switch (config.name) {
    case OptimizerName::kAdamW:
      return std::make_unique<AdamW>(config, store);
    case OptimizerName::kMuon:
      return std::make_unique<Muon>(config, store, low ? DType::kBF16 : DType::kF32);
    case OptimizerName::kSgd:
      return std::make_unique<Sgd>(config, store);
  }
  fail<ConfigError>("[make_optimizer] unknown optimizer {}", static_cast<int>(config.name));
}

}  // namespace tessera
