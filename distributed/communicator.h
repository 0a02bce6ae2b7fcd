// Processes, called ranks, that train one model together.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch_part.h"
#include "core/error.h"
#include "core/parameter.h"
#include "core/tensor.h"

namespace tessera {

/// Another rank has failed; the text says which, and why.
class PeerError : public Error {
 public:
  PeerError(const std::string& text, int exit_code) : Error(text), exit_code_(exit_code) {}

  /// What the program would have ended with on that rank.
  int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

/// Where a sum over all ranks is in the end.
enum class SumGoesTo {
  kAll,   ///< on every rank, whole
  kParts  ///< each rank has its part, see part_of; what it holds beside that is of no use
};

/// The elements of `count` values that `rank` of `size` ranks adds up: as equal shares as whole
/// cache lines allow.
ElementRange part_of(std::int64_t count, int rank, int size);

/// One rank's view of all of them. Every rank makes the same calls in the same order, from one
/// thread. What waits for others throws PeerError on rank 0 if one of them reports a failure. All
/// sums are made in the order of the ranks: the same number of them gives the same bits.
class Communicator : public Peers {
 public:
  virtual int rank() const = 0;

  bool alone() const { return size() == 1; }
  bool leads() const { return rank() == 0; }

  /// Threads that each rank should use, so that those of a machine share its processors.
  virtual int threads() const = 0;

  /// What each rank gives, by rank; lengths may differ.
  virtual std::vector<std::string> gather_bytes(std::string_view mine) = 0;

  /// The bytes of rank 0, to all.
  virtual void broadcast(std::span<std::byte> bytes) = 0;

  /// Whether all ranks are processes of one machine, so that nothing travels further than memory.
  virtual bool on_one_machine() const = 0;

  /// Replaces `values`, f32, by their sums over all ranks, some time before finish_sums() returns;
  /// nobody may touch them until then. `wire` is the type in which they travel, f32 or bf16; they
  /// are added in f32. The sums have the same bits wherever they go to.
  virtual void start_sum(const Tensor& values, DType wire, SumGoesTo place) = 0;

  /// Does what there is to do for the sums that have been started, without waiting.
  virtual void progress() = 0;

  virtual void finish_sums() = 0;

  /// Takes each other rank's part of `values`, f32, and gives it the own one.
  virtual void exchange_parts(const Tensor& values) = 0;

  /// Tells rank 0 that this one fails, and why. False if that did not take notice within seconds:
  /// then this one must say it. True on rank 0.
  virtual bool hand_over(std::string_view why, int exit_code) = 0;

  /// Ends this and all other ranks at once, without waiting for anything.
  virtual void abort(int exit_code) = 0;
};

/// The one rank of a training that no launcher has started.
Communicator& one_process();

/// Of rank 0, to all.
template <typename T>
T broadcast(Communicator& ranks, T value) {
  ranks.broadcast(std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

}  // namespace tessera
