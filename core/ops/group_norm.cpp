#include "core/ops/group_norm.h"

#include "core/error.h"
#include "core/ops/channel_norm.h"

namespace tessera::ops {

Var group_norm(Tape& tape, const Var& x, const Var& gamma, const Var& beta,
               const GroupNormConfig& config) {
  check_channel_norm("group_norm", x, gamma, beta);
  const std::int64_t channels = x.dim(-1), batch = x.dim(0);
  if (config.groups < 1 || channels % config.groups != 0) {
    fail<ShapeError>("[group_norm] {} groups do not divide the {} channels of x {}", config.groups,
                     channels, x.shape());
  }
  OpScope op(
      tape, "group_norm",
      {9.0 * static_cast<double>(x.value.numel()), 3.0 * static_cast<double>(x.value.bytes())});
  const std::int64_t rows = batch == 0 ? 0 : x.shape().rows() / batch;
  ChannelNorm norm{.groups = {batch, rows, channels, config.groups}, .relu = config.relu};
  spread_statistics(group_statistics(x.value, norm.groups), config.eps, norm);
  return record_channel_norm(tape, x, gamma, beta, std::move(norm));
}

}  // namespace tessera::ops
