# The ceilings a bench is held against, and a client of the engine alone.

$(eval $(call program,bench/ceil_ptrace,tests/bench/ceil_ptrace))
$(eval $(call program,bench/ceil_tls,tests/bench/ceil_tls $(KEY),$(LIB_tls)))
$(eval $(call program,bench/ceil_run,tests/bench/ceil_run))
BENCHES = $(BUILD)/bench/ceil_ptrace $(BUILD)/bench/ceil_run $(BUILD)/bench/ceil_tls

benches: $(BENCHES)
bench:
	$(Q)BUILD=$(BUILD) tests/bench/bench.sh
.PHONY: benches bench

$(eval $(call program,bench/engine,tests/bench/engine,$(BUILD)/libhosteng.a $(LIB_hosteng)))
$(BUILD)/bench/engine: $(BUILD)/libhosteng.a
benches: $(BUILD)/bench/engine
