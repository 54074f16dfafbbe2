// The thread that forks for the whole process. Used inside this room.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "os/spawn.h"

namespace dugong::os {

class Spawner {
 public:
  // Never destroyed: its thread must outlive every child (see spawn.h).
  static Spawner& instance();

  Result<Child> spawn(const Command& command);
  // Kills and buries a child nobody waits for any more, even one that dies late.
  void bury(Child child);

 private:
  struct Job {
    const Command* command = nullptr;
    std::optional<Result<Child>> result;
  };
  Spawner();
  void run();
  void do_jobs();
  void bury_the_dead();
  void wait_for_work();
  Result<Child> fork_and_exec(const Command& command);

  std::mutex mutex_;
  std::condition_variable done_;
  std::deque<Job*> jobs_;
  std::vector<Child> abandoned_;  // handed over by bury()
  std::vector<Child> dying_;      // the thread's own
  Fd wake_;
};

}  // namespace dugong::os
