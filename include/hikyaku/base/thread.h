#pragma once

#include <string>

namespace hikyaku
{

/// Names the calling thread for those who look at the process from outside (ps, perf). Cut to the
/// 15 bytes that the kernel keeps.
void name_this_thread(const std::string& name) noexcept;

/// The calling thread, when it wakes, waits for a processor instead of taking it from a thread in
/// the middle of its work (SCHED_BATCH). Costs a moment when all processors are busy, nothing
/// otherwise. Without effect where the kernel refuses.
void let_others_finish() noexcept;

} // namespace hikyaku
