# Other projects' tests against the bridge (hdb -rsp); read by tests/tests.mk.

SUITE = $(BUILD)/suite
# the hdb they use; with -premote and so on it may debug somewhere else
HDB_SUITE ?= $(CURDIR)/$(BUILD)/bin/hdb

# GDB's tests of gdb.list (T=gdb.base/break.exp: that one), each with stock gdbserver, too.
suite-gdb: all
	$(Q)tests/deps.sh suite
	$(Q)source=$$(tests/interop/fetch.sh gdb $(SUITE) 'gdb-*/gdb/testsuite/*') && \
		tests/interop/gdb_suite.py --hdb '$(HDB_SUITE)' --stock --out $(SUITE)/gdb "$$source" \
		$(or $(T),tests/interop/gdb.list)
.PHONY: suite-gdb

# LLDB's tests of lldb.list (T=TestGdbRemoteKill.py: that one), each with lldb-server, too.
suite-lldb: all
	$(Q)tests/deps.sh suite-lldb
	$(Q)source=$$(tests/interop/fetch.sh llvm-toolchain-14 $(SUITE) '*/lldb/test/*' '*/lldb/packages/*' \
		'*/lldb/third_party/*' '*/lldb/use_lldb*') && \
		tests/interop/lldb_suite.py --hdb '$(HDB_SUITE)' --stock --out $(SUITE)/lldb "$$source" \
		$(or $(T),tests/interop/lldb.list)
.PHONY: suite-lldb
