# Fuzz targets: FUZZ_name lists the objects, FUZZLIB_name the libraries.  Built
# plainly they replay their corpus; "make fuzz" builds them anew for libFuzzer.

FUZZ_SECONDS ?= 60
FUZZER ?=

FUZZ_wire = $(WIRE)
FUZZLIB_wire = $(LIB_event)
FUZZ_usermap = $(filter-out procsrv/usermap,$(USERMAP)) procsrv/usermap_describe common/key common/buf common/log
FUZZLIB_usermap = $(LIB_crypto)
FUZZ_grant = common/grant common/grant_text common/key common/fingerprint common/buf
FUZZLIB_grant = $(LIB_crypto)
FUZZ_transport = common/transport common/fingerprint common/buf
FUZZ_ipc = procsrv/ipc procsrv/ipc_check
FUZZ_bytecode = common/bytecode common/gdb_reg
FUZZ_tls = $(TLS) $(KEY) common/keymake common/chan
FUZZLIB_tls = $(LIB_event) $(LIB_tls)
FUZZ_rsp = host/rsp/rsp_frame host/rsp/rsp_packet common/buf

# conn itself is included; in place of TLS and of its pipe stand others
FUZZ_conn = tests/fuzz/plain_tls procsrv/conn_link procsrv/conn_relay procsrv/greet procsrv/sandbox procsrv/ipc_check \
	$(KEY) $(WIRE)
FUZZLIB_conn = $(LIB_event) $(LIB_seccomp) $(LIB_crypto)

# the monitor itself is included; in place of spawn.c, run_dir.c and its clock stand others
FUZZ_monitor = tests/fuzz/quiet_log procsrv/monitor_conn procsrv/monitor_session procsrv/monitor_audit procsrv/monitor_watch \
	procsrv/session_secret $(RECORD) procsrv/address procsrv/ipc procsrv/ipc_check $(filter-out procsrv/run_dir,$(SESSION_DIR)) \
	$(USERMAP) procsrv/bounds_sum $(KEY) common/keymake common/err
FUZZLIB_monitor = $(LIB_tls)

# the whole tracer but its main, over a kernel of ours (mock_kernel.h)
MOCKED = ptrace waitpid waitid kill tgkill raise syscall nanosleep clock_gettime setitimer pidfd_open pidfd_send_signal
MOCK_OBJ = $(filter-out procsrv/tracer procsrv/launch_child procsrv/ipc procsrv/ipc_check common/clock common/log,$(OBJ_procsrv-tracer))
FUZZ_tracer = tests/fuzz/quiet_log $(addprefix tests/fuzz/mock_,kernel ptrace process) $(addprefix mock/,$(MOCK_OBJ))
FUZZLIB_tracer = $(LIB_event) -lpthread

$(BUILD)/obj/mock/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,mock/$<)
	$(Q)$(CC) $(ALL_CFLAGS) $(foreach f,$(MOCKED),-D$(f)=mock_$(f)) -MMD -MP -c -o $@ $<

# the whole bridge but its listening, which opens and writes nothing of this machine
FUZZ_bridge = tests/fuzz/lines $(addprefix apart/,$(filter-out %/rsp_serve %/rsp_listen,$(RSP))) $(RSP_ENGINE)
FUZZLIB_bridge = -ljansson -lpthread

$(BUILD)/obj/apart/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,apart/$<)
	$(Q)$(CC) $(ALL_CFLAGS) -U_FORTIFY_SOURCE -Dopen=bridge_open_file -Dwrite=bridge_write -Dglob=bridge_glob \
		-Dfprintf=bridge_say -MMD -MP -c -o $@ $<

$(BUILD)/obj/tests/fuzz/bridge.o: ALL_CFLAGS += -Itests/unit

FUZZLIB_engine = $(BUILD)/libhosteng.a $(LIB_hosteng)

FUZZERS = rsp bridge wire usermap grant transport ipc tls conn monitor tracer engine bytecode

fuzz_main = $(if $(FUZZER),,tests/fuzz/replay)
fuzz_link = $(if $(FUZZER),-fsanitize=fuzzer)
$(foreach f,$(FUZZERS),$(eval $(call program,fuzz/$(f),tests/fuzz/$(f) $(fuzz_main) $(FUZZ_$(f)),$(FUZZLIB_$(f)) $(fuzz_link))))

$(BUILD)/fuzz/engine: $(BUILD)/libhosteng.a
fuzzers: $(patsubst %,$(BUILD)/fuzz/%,$(FUZZERS))

# Each for FUZZ_SECONDS; what it finds stays in BUILD-fuzz/findings, its corpus grows there.
fuzz:
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)-fuzz CC=clang SAN=fuzzer-no-link,address,undefined FUZZER=1 fuzzers
	$(Q)tests/fuzz/run.sh $(BUILD)-fuzz $(FUZZ_SECONDS) $(FUZZERS)

tests: fuzzers
.PHONY: fuzzers fuzz
