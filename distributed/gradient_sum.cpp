#include "distributed/gradient_sum.h"

#include <algorithm>
#include <ranges>

namespace tessera {

GradientSum::GradientSum(const ParameterStore& store, Communicator& ranks, DType wire,
                         SumGoesTo place, std::int64_t bucket)
    : ranks_(ranks), wire_(wire), place_(place) {
  std::int64_t end = store.grads().numel();
  if (bucket == 0) bucket = bucket_for(end);
  int parameters = 0;
  for (std::size_t i = store.entries().size(); i-- > 0;) {
    const ParameterStore::Entry& entry = store.entries()[i];
    if (!entry.parameter->frozen) ++parameters;
    bucket_of_[entry.parameter] = buckets_.size();
    const std::int64_t least = std::min(bucket, std::max(end / 2, kLeast));
    if (end - entry.offset < least && i > 0) continue;
    buckets_.push_back(
        {entry.offset, store.grads().slice(entry.offset, {end - entry.offset}), parameters});
    end = entry.offset;
    parameters = 0;
  }
  started_ = buckets_.size();
}

void GradientSum::begin() {
  for (Bucket& bucket : buckets_) bucket.missing = bucket.parameters;
  started_ = 0;
}

void GradientSum::on_gradient(Parameter& parameter) {
  --buckets_[bucket_of_.at(&parameter)].missing;
  start_complete();
}

void GradientSum::start_complete() {
  while (started_ < buckets_.size() && buckets_[started_].missing == 0) {
    ranks_.start_sum(buckets_[started_++].values, wire_, place_);
  }
}

std::vector<ElementRange> GradientSum::own_parts() const {
  std::vector<ElementRange> parts;
  for (const Bucket& bucket : buckets_ | std::views::reverse) {
    const ElementRange part = part_of(bucket.values.numel(), ranks_.rank(), ranks_.size());
    if (part.begin == part.end) continue;
    parts.push_back({bucket.offset + part.begin, bucket.offset + part.end});
  }
  return parts;
}

void GradientSum::exchange_parts(const Tensor& flat) const {
  for (const Bucket& bucket : buckets_) {
    ranks_.exchange_parts(flat.slice(bucket.offset, {bucket.values.numel()}));
  }
}

void GradientSum::finish() {
  for (Bucket& bucket : buckets_) bucket.missing = 0;
  start_complete();
  ranks_.finish_sums();
}

}  // namespace tessera
