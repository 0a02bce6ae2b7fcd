#include "distributed/gradient_sum.h"

namespace tessera {

GradientSum::GradientSum(const ParameterStore& store, Communicator& ranks, DType wire,
                         std::int64_t bucket)
    : ranks_(ranks), wire_(wire) {
  std::int64_t end = store.grads().numel();
  if (bucket == 0) bucket = bucket_for(end);
  int parameters = 0;
  for (std::size_t i = store.entries().size(); i-- > 0;) {
    const ParameterStore::Entry& entry = store.entries()[i];
    if (!entry.parameter->frozen) ++parameters;
    bucket_of_[entry.parameter] = buckets_.size();
    if (end - entry.offset < bucket && i > 0) continue;
    buckets_.push_back({store.grads().slice(entry.offset, {end - entry.offset}), parameters});
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
    ranks_.start_sum(buckets_[started_++].values, wire_);
  }
}

void GradientSum::finish() {
  for (Bucket& bucket : buckets_) bucket.missing = 0;
  start_complete();
  ranks_.finish_sums();
}

}  // namespace tessera
