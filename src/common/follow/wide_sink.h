/* wide_sink.h - pg-copy-load --wide: the chunks of wide_chunk.h as a sink. */
#pragma once

#include "follow/wide_chunk.h"
#include "stream/sink.h"

extern const struct sink_ops wide_sink_ops;

/* `env` and `opts` are kept. */
void *wide_sink_open(const struct sink_env *env, struct wide_chunk_opts *opts) NODISCARD;
