// The ranks of an MPI job.
#pragma once

#include <mpi.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "distributed/communicator.h"
#include "distributed/mpi/rank_sum.h"

namespace tessera {

/// All that waits looks on and on whether it is over, so that it can hear of failures too; the
/// library's own waits would not end when a rank is gone. A thread of its own moves the sums that
/// are under way while the one that trains is within an op: a message takes several steps of both
/// sides.
class MpiCommunicator final : public Communicator {
 public:
  /// Starts MPI: once in a process.
  MpiCommunicator();

  /// Waits for the other ranks to come to their end too.
  ~MpiCommunicator() override;
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int threads() const override { return threads_; }
  std::vector<double> gather(std::span<const double> mine) override;
  std::vector<std::string> gather_bytes(std::string_view mine) override;
  void broadcast(std::span<std::byte> bytes) override;
  bool on_one_machine() const override { return on_one_machine_; }
  void start_sum(const Tensor& values, DType wire, SumGoesTo place) override;
  void progress() override;
  void finish_sums() override;
  void exchange_parts(const Tensor& values) override;
  bool hand_over(std::string_view why, int exit_code) override;
  void abort(int exit_code) override;

 private:
  void wait(MPI_Request& request);
  void listen();
  void advance();
  void keep_advancing();

  int rank_ = 0, size_ = 1, threads_ = 1;
  bool on_one_machine_ = false;
  // Operations of one kind come in the same order on all ranks, those of two kinds need not.
  MPI_Comm calls_ = MPI_COMM_NULL, spread_ = MPI_COMM_NULL, collect_ = MPI_COMM_NULL,
           failures_ = MPI_COMM_NULL;
  std::deque<std::unique_ptr<RankSum>> sums_;
  std::size_t added_ = 0;  ///< of sums_, from the front

  // MPI and the sums are of one thread at a time. Private functions expect it to be held.
  std::mutex one_at_a_time_;
  std::condition_variable changed_;
  bool ending_ = false;
  std::thread mover_;
};

}  // namespace tessera
