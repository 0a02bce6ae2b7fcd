#include "core/ops/norms.h"

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

namespace {

GroupStatistics running_statistics(const BatchStatistics& running) {
  const auto mean = running.mean.value.span(), variance = running.variance.value.span();
  return {{mean.begin(), mean.end()}, {variance.begin(), variance.end()}};
}

void move_towards(const GroupStatistics& batch, double count, double momentum,
                  BatchStatistics& running) {
  const auto move = [momentum](float& value, double towards) {
    value = static_cast<float>((1.0 - momentum) * double{value} + momentum * towards);
  };
  for (std::size_t c = 0; c < batch.mean.size(); ++c) {
    move(running.mean.value.span()[c], batch.mean[c]);
    move(running.variance.value.span()[c], batch.variance[c] * count / (count - 1.0));
  }
}

}  // namespace

Var batch_norm(Tape& tape, const Var& x, const Var& gamma, const Var& beta,
               BatchStatistics& running, const BatchNormConfig& config) {
  check_channel_norm("batch_norm", x, gamma, beta);
  const std::int64_t channels = x.dim(-1);
  if (running.mean.value.shape() != Shape{channels} ||
      running.variance.value.shape() != Shape{channels}) {
    fail<ShapeError>("[batch_norm] running statistics {} and {} must be [{}], the channels of x {}",
                     running.mean.value.shape(), running.variance.value.shape(), channels,
                     x.shape());
  }
  const bool learns = tape.training() && !config.frozen;
  const std::int64_t rows = x.shape().rows();
  Peers* const peers = learns ? tape.options().part.peers : nullptr;
  if (learns && peers == nullptr && rows < 2) {
    fail<ShapeError>(
        "[batch_norm] x {} has {} value a channel: batch statistics need 2; take a larger batch, "
        "frozen statistics or group norm",
        x.shape(), rows);
  }
  OpScope op(
      tape, "batch_norm",
      {9.0 * static_cast<double>(x.value.numel()), 3.0 * static_cast<double>(x.value.bytes())});
  ChannelNorm norm{
      .groups = {1, rows, channels, channels}, .relu = config.relu, .fixed_statistics = !learns};
  GroupStatistics statistics =
      learns ? group_statistics(x.value, norm.groups) : running_statistics(running);
  norm.count = static_cast<double>(rows);
  norm.peers = peers;
  if (peers != nullptr) statistics = joined_statistics(statistics, *peers, norm.count);
  spread_statistics(statistics, config.eps, norm);
  if (learns) {
    move_towards(statistics, norm.count, double{config.momentum}, running);
  }
  return record_channel_norm(tape, x, gamma, beta, std::move(norm));
}

}  // namespace tessera::ops
