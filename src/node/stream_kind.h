// What a stream of `zfs send` is, told from its first bytes: before zfs receive sees any of them.
#pragma once

#include <string_view>

#include "base/result.h"

namespace dugong::node {

// As many as the answer needs. OpenZFS: include/sys/zfs_ioctl.h, dmu_replay_record and drr_begin; the same since v1.
inline constexpr std::size_t stream_head = 24;

// Error refused: a stream of several datasets, or of one with its properties (send -R, -p): the sender would say where
// it is mounted and who may run what is in it. What is no stream at all is for zfs to refuse.
Result<> judge_stream(std::string_view head);

}  // namespace dugong::node
