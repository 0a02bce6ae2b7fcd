#include "distributed/mpi/mpi_communicator.h"

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <numeric>

#include "core/machine.h"
#include "core/parallel.h"
#include "core/profile.h"

namespace tessera {
namespace {

constexpr int kReport = 1, kReceipt = 2;  // tags
constexpr std::size_t kLongestReport = 2000;
constexpr double kPatience = 4.0;  // seconds that a rank waits for its failure to be heard

/// What a process does while it waits: at first nothing, so that an answer that comes at once is
/// taken at once; then it leaves the processor to whoever needs it.
class Patience {
 public:
  void pass() {
    constexpr int kEager = 2000, kPolite = 20000;
    if (++turns_ < kEager) return;
    if (turns_ < kPolite) {
      sched_yield();
      return;
    }
    const timespec pause{0, 50'000};
    nanosleep(&pause, nullptr);
  }

 private:
  int turns_ = 0;
};

/// Threads for each of the ranks of one machine. Those with processors of their own use them; those
/// that were given the same ones share them, and so they share what a container may use.
int threads_of(MPI_Comm machine) {
  int ranks = 1;
  MPI_Comm_size(machine, &ranks);
  cpu_set_t own;
  CPU_ZERO(&own);
  sched_getaffinity(0, sizeof own, &own);
  std::vector<cpu_set_t> sets(static_cast<std::size_t>(ranks));
  MPI_Allgather(&own, sizeof own, MPI_BYTE, sets.data(), sizeof own, MPI_BYTE, machine);
  int sharers = 0;
  cpu_set_t all = own;
  for (const cpu_set_t& set : sets) {
    cpu_set_t common;
    CPU_AND(&common, &own, &set);
    if (CPU_COUNT(&common) > 0) ++sharers;
    CPU_OR(&all, &all, &set);
  }
  const int share = CPU_COUNT(&own) / std::max(1, sharers);
  // Each rank sees the quota of all of them.
  const double quota = cpu_quota("/") / ranks;
  return std::max(1, quota < share ? static_cast<int>(quota) : share);
}

}  // namespace

MpiCommunicator::MpiCommunicator() {
  int provided = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  for (MPI_Comm* comm : {&calls_, &spread_, &collect_, &failures_}) {
    MPI_Comm_dup(MPI_COMM_WORLD, comm);
  }
  MPI_Comm machine = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
  threads_ = threads_of(machine);
  int neighbours = 0;
  MPI_Comm_size(machine, &neighbours);
  on_one_machine_ = neighbours == size_;  // the same on all ranks
  MPI_Comm_free(&machine);
  if (size_ > 1 && provided >= MPI_THREAD_SERIALIZED) {
    mover_ = std::thread([this] { keep_advancing(); });
  }
}

MpiCommunicator::~MpiCommunicator() {
  if (mover_.joinable()) {
    {
      const std::lock_guard lock(one_at_a_time_);
      ending_ = true;
    }
    changed_.notify_one();
    mover_.join();
  }
  MPI_Finalize();
}

void MpiCommunicator::keep_advancing() {
  constexpr std::chrono::microseconds kPause{500};
  set_num_threads(1);  // of this thread's loops: the others are the training's
  std::unique_lock lock(one_at_a_time_);
  while (!ending_) {
    if (sums_.empty()) {
      changed_.wait(lock);
    } else {
      advance();
      changed_.wait_for(lock, kPause, [this] { return ending_; });
    }
  }
}

/// Throws PeerError on rank 0 if a rank has reported its failure.
void MpiCommunicator::listen() {
  if (rank_ != 0) return;
  int there = 0;
  MPI_Status status;
  MPI_Iprobe(MPI_ANY_SOURCE, kReport, failures_, &there, &status);
  if (there == 0) return;
  std::array<char, kLongestReport + 1> report{};
  int length = 0;
  MPI_Get_count(&status, MPI_CHAR, &length);
  MPI_Recv(report.data(), length, MPI_CHAR, status.MPI_SOURCE, kReport, failures_,
           MPI_STATUS_IGNORE);
  MPI_Send(nullptr, 0, MPI_CHAR, status.MPI_SOURCE, kReceipt, failures_);
  throw PeerError(fmt::format("rank {}: {}", status.MPI_SOURCE, report.data() + 1), report[0]);
}

void MpiCommunicator::wait(MPI_Request& request) {
  Patience patience;
  for (int done = 0;;) {
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (done != 0) return;
    listen();
    patience.pass();
  }
}

std::vector<double> MpiCommunicator::gather(std::span<const double> mine) {
  const std::lock_guard lock(one_at_a_time_);
  std::vector<double> all(mine.size() * static_cast<std::size_t>(size_));
  const int count = static_cast<int>(mine.size());
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Iallgather(mine.data(), count, MPI_DOUBLE, all.data(), count, MPI_DOUBLE, calls_, &request);
  wait(request);
  return all;
}

std::vector<std::string> MpiCommunicator::gather_bytes(std::string_view mine) {
  const std::lock_guard lock(one_at_a_time_);
  const auto ranks = static_cast<std::size_t>(size_);
  const int length = static_cast<int>(mine.size());
  std::vector<int> lengths(ranks), places(ranks);
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Iallgather(&length, 1, MPI_INT, lengths.data(), 1, MPI_INT, calls_, &request);
  wait(request);
  std::exclusive_scan(lengths.begin(), lengths.end(), places.begin(), 0);
  std::string all(static_cast<std::size_t>(places.back() + lengths.back()), '\0');
  MPI_Iallgatherv(mine.data(), length, MPI_CHAR, all.data(), lengths.data(), places.data(),
                  MPI_CHAR, calls_, &request);
  wait(request);
  std::vector<std::string> parts;
  for (std::size_t r = 0; r < ranks; ++r) {
    parts.push_back(
        all.substr(static_cast<std::size_t>(places[r]), static_cast<std::size_t>(lengths[r])));
  }
  return parts;
}

void MpiCommunicator::broadcast(std::span<std::byte> bytes) {
  const std::lock_guard lock(one_at_a_time_);
  constexpr std::size_t kMost = std::size_t{1} << 30;  // MPI counts in int
  for (std::size_t first = 0; first < bytes.size(); first += kMost) {
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Ibcast(bytes.data() + first, static_cast<int>(std::min(kMost, bytes.size() - first)),
               MPI_BYTE, 0, calls_, &request);
    wait(request);
  }
}

void MpiCommunicator::start_sum(const Tensor& values, DType wire, SumGoesTo place) {
  const std::lock_guard lock(one_at_a_time_);
  sums_.push_back(std::make_unique<RankSum>(values, wire, place, spread_));
  advance();
  listen();
  changed_.notify_one();
}

void MpiCommunicator::advance() {
  // In order: the next is added when all before it have been.
  while (added_ < sums_.size() && sums_[added_]->has_parts()) sums_[added_++]->add(collect_);
  while (added_ > 0 && sums_.front()->is_done()) {
    sums_.pop_front();
    --added_;
  }
  // Those behind move on too, as far as the library moves all that is under way.
}

void MpiCommunicator::progress() {
  const std::lock_guard lock(one_at_a_time_);
  advance();
  listen();
}

void MpiCommunicator::finish_sums() {
  const std::lock_guard lock(one_at_a_time_);
  Patience patience;
  for (;; patience.pass()) {
    advance();
    listen();
    if (sums_.empty()) return;
  }
}

void MpiCommunicator::exchange_parts(const Tensor& values) {
  const std::lock_guard lock(one_at_a_time_);
  const Parts parts(values.numel(), size_);
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_FLOAT, values.raw(), parts.counts.data(),
                  parts.places.data(), MPI_FLOAT, calls_, &request);
  wait(request);
}

bool MpiCommunicator::hand_over(std::string_view why, int exit_code) {
  if (rank_ == 0) return true;
  const std::lock_guard lock(one_at_a_time_);
  std::string report(1, static_cast<char>(exit_code));
  report += why.substr(0, kLongestReport - 1);
  MPI_Request sending = MPI_REQUEST_NULL, receipt = MPI_REQUEST_NULL;
  MPI_Irecv(nullptr, 0, MPI_CHAR, 0, kReceipt, failures_, &receipt);
  MPI_Isend(report.data(), static_cast<int>(report.size()), MPI_CHAR, 0, kReport, failures_,
            &sending);
  Patience patience;
  const double end = seconds_now() + kPatience;
  for (int sent = 0, taken = 0; seconds_now() < end; patience.pass()) {
    MPI_Test(&sending, &sent, MPI_STATUS_IGNORE);
    MPI_Test(&receipt, &taken, MPI_STATUS_IGNORE);
    if (sent != 0 && taken != 0) {
      // Rank 0 says it and ends all; should it fail to, this one does.
      const timespec pause{4, 0};
      nanosleep(&pause, nullptr);
      return true;
    }
  }
  return false;
}

void MpiCommunicator::abort(int exit_code) {
  const std::lock_guard lock(one_at_a_time_);
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);
}

}  // namespace tessera
