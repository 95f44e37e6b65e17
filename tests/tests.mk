# What the tests build; read by the Makefile.

UNIT_test_buf = common/buf
UNIT_test_duration = common/duration common/buf
UNIT_test_wire = $(WIRE)
UNITLIB_test_wire = $(LIB_event)
UNIT_test_frame = $(WIRE)
UNITLIB_test_frame = $(LIB_event)
UNIT_test_chan = common/chan
UNITLIB_test_chan = $(LIB_event)
UNIT_test_heart = common/clock
UNITLIB_test_heart = $(LIB_event)
UNIT_test_usermap = $(USERMAP) procsrv/usermap_describe $(KEY) common/keymake common/log
UNITLIB_test_usermap = $(LIB_tls)
UNIT_test_transport = common/transport common/fingerprint common/buf
UNIT_test_limits = procsrv/limits
UNIT_test_lease = procsrv/lease
UNIT_test_regs = $(ARCH) common/buf
UNIT_test_memcache = host/engine/memcache
LOCAL_TARGET = tests/unit/local_target $(SYMBOLS) $(ARCH) host/errtext common/buf common/err common/log
UNIT_test_unwind = $(LOCAL_TARGET)
UNITLIB_test_unwind = $(LIB_dw)
UNIT_test_symbols = $(LOCAL_TARGET)
UNITLIB_test_symbols = $(LIB_dw)
UNIT_test_debugfiles = $(LOCAL_TARGET)
UNITLIB_test_debugfiles = $(LIB_dw)
UNIT_test_damaged = $(LOCAL_TARGET)
UNITLIB_test_damaged = $(LIB_dw)
UNIT_test_expr = $(LOCAL_TARGET) $(EXPR) $(ARCH) common/bytecode
UNITLIB_test_expr = $(LIB_dw)
UNIT_test_prologue = host/sym/prologue_x86
UNIT_test_demangle = host/sym/demangle
UNITLIB_test_demangle = $(LIB_dw)
UNIT_test_cfi_expr = host/sym/cfi_expr
UNIT_test_target = $(ENGINE) host/errtext host/errtable common/wire common/wire_form common/buf common/err common/log common/clock common/heart \
	tests/unit/fake_agent tests/unit/fake_link tests/unit/fake_symbols tests/unit/fake_scopes host/sym/type host/sym/strpool
UNITLIB_test_target = $(LIB_event) $(LIB_insn)
UNIT_test_trouble = $(UNIT_test_target)
UNITLIB_test_trouble = $(UNITLIB_test_target)
UNIT_test_launched = $(UNIT_test_target)
UNITLIB_test_launched = $(UNITLIB_test_target)
UNIT_test_raw = $(UNIT_test_target) tests/unit/raw_agent
UNITLIB_test_raw = $(UNITLIB_test_target)
UNIT_test_decide = $(UNIT_test_raw) tests/unit/person
UNITLIB_test_decide = $(UNITLIB_test_target)
UNIT_test_late = $(UNIT_test_decide)
UNITLIB_test_late = $(UNITLIB_test_target)
UNIT_test_happens = $(UNIT_test_decide)
UNITLIB_test_happens = $(UNITLIB_test_target)
UNIT_test_raw_trips = $(UNIT_test_raw)
UNITLIB_test_raw_trips = $(UNITLIB_test_target)
UNIT_test_step = $(filter-out host/engine/step_line,$(UNIT_test_target))
UNITLIB_test_step = $(UNITLIB_test_target)
UNIT_test_hooks = $(filter-out host/engine/step_hook,$(UNIT_test_target))
UNITLIB_test_hooks = $(UNITLIB_test_target)

# in the engine's place under the bridge
RSP_ENGINE = tests/unit/rsp_engine tests/unit/rsp_target common/buf common/err common/log common/gdb_reg
comma = ,
include tests/debuggees/debuggees.mk
include tests/debuggees/i386.mk

# A counting, delaying and cutting TCP proxy.
$(eval $(call program,tests/proxy,tests/proxy/proxy))

# What live tests need besides the programs themselves.
tests: units debuggees $(BUILD)/tests/proxy
.PHONY: tests

UNIT_test_proof = $(KEY) common/keymake
UNITLIB_test_proof = $(LIB_tls)
UNIT_test_tls = $(TLS) $(KEY) $(WIRE) common/keymake
UNITLIB_test_tls = $(LIB_event) $(LIB_tls)
UNIT_test_rsp_files = $(addprefix host/rsp/,rsp_file rsp_files rsp_looks rsp_cache rsp_build_id rsp_packet rsp_reply) common/buf common/log
UNIT_test_audit = procsrv/audit_check procsrv/audit_chain common/log
UNITLIB_test_audit = $(LIB_crypto)
UNIT_test_spool = $(RECORD) common/err common/log
UNITLIB_test_spool = $(LIB_crypto)
UNIT_test_repair = $(REPAIR)
UNIT_test_keeper = procsrv/keeper $(REPAIR) procsrv/ipc common/clock common/log
UNIT_test_reading = $(addprefix procsrv/,reply proc proc_parse ipc ipc_check) $(WIRE)
UNITLIB_test_reading = $(LIB_event)
UNIT_test_session_dir = $(SESSION_DIR) procsrv/session_list common/log
UNIT_test_sandbox = procsrv/sandbox
UNITLIB_test_sandbox = $(LIB_seccomp)
UNITLIB_test_landlock = $(LIB_seccomp)

# wire(7) against the table.
$(eval $(call program,tests/wire-table,tests/wire-table $(WIRE),$(LIB_event)))
tests: $(BUILD)/tests/wire-table
include tests/fuzz/fuzz.mk
include tests/privsep/privsep.mk
include tests/kill/kill.mk
include tests/failing/failing.mk

check:
	$(Q)BUILD=$(BUILD) T="$(T)" tests/check.sh
demo:
	$(Q)BUILD=$(BUILD) tests/demo.sh
# what check does a little of, as often as it takes to find what is rare
stress:
	$(Q)BUILD=$(BUILD) T="$(T)" tests/stress.sh
# every way in which a session's processes can die
torture:
	$(Q)BUILD=$(BUILD) T="$(T)" tests/torture.sh
# the same faults to the peers
faults:
	$(Q)BUILD=$(BUILD) T="$(T)" tests/faults.sh
.PHONY: check demo stress torture faults
include tests/bench/bench.mk

# hdb over a scripted engine.
FAKE_ENGINE = $(addprefix tests/unit/fake_,engine code breakpoints values launch steps)
UNIT_test_cmd = $(filter-out host/hdb/hdb host/hdb/askpass host/hdb/options host/hdb/console,$(HDB)) $(FAKE_ENGINE) tests/unit/console_world
UNIT_test_cmd_target = $(UNIT_test_cmd)
UNIT_test_cmd_data = $(UNIT_test_cmd)
UNIT_test_cmd_show = $(UNIT_test_cmd)
UNIT_test_cmd_support = $(UNIT_test_cmd)
UNITLIB_test_cmd = -ljansson $(LIB_seccomp)
UNITLIB_test_cmd_target = $(UNITLIB_test_cmd)
UNITLIB_test_cmd_data = $(UNITLIB_test_cmd)
UNITLIB_test_cmd_show = $(UNITLIB_test_cmd)
UNITLIB_test_cmd_support = $(UNITLIB_test_cmd)
TRANSPORT = common/transport common/fingerprint common/buf
UNIT_test_program = $(filter-out tests/unit/console_world,$(UNIT_test_cmd))
UNITLIB_test_program = $(UNITLIB_test_cmd)
UNIT_test_options = host/hdb/options host/rsp/rsp_listen common/duration $(TRANSPORT)
$(eval $(call program,tests/hdb-scripted,$(HDB) host/rsp/rsp_listen tests/unit/fake_rsp common/duration $(TRANSPORT) $(FAKE_ENGINE),$(LIB_console)))
tests: $(BUILD)/tests/hdb-scripted

# The host's link.
UNIT_test_known_boxes = host/link/known_boxes host/link/boxes host/link/config_file host/dirs host/errtext common/err common/fingerprint common/buf
UNIT_test_errtext = host/errtext host/errtable common/wire common/wire_form common/buf common/err common/log
RPC = host/link/rpc host/link/rpc_call host/link/rpc_in host/link/rpc_open host/link/rpc_out host/link/rpc_resume host/link/inbox host/errtext host/errtable $(WIRE)
UNIT_test_child = host/link/child host/link/find_procsrv host/errtext common/err
UNIT_test_dial = host/link/dial $(RPC)
UNITLIB_test_dial = $(LIB_event)
UNIT_test_rpc = tests/unit/scripted_agent tests/unit/rpc_fix $(RPC)
UNITLIB_test_rpc = $(LIB_event)
UNIT_test_rpc_credit = $(UNIT_test_rpc)
UNITLIB_test_rpc_credit = $(LIB_event)
UNIT_test_rpc_lies = $(UNIT_test_rpc)
UNITLIB_test_rpc_lies = $(LIB_event)
UNIT_test_rpc_resume = $(UNIT_test_rpc)
UNITLIB_test_rpc_resume = $(LIB_event)

UNIT_test_proc = procsrv/proc procsrv/proc_parse common/buf
UNIT_test_machine = procsrv/machine_x86 procsrv/operand_x86
UNIT_test_recipe = procsrv/recipe procsrv/snapshot_plan procsrv/proc procsrv/proc_parse common/buf
UNIT_test_reply = procsrv/reply $(WIRE)
UNITLIB_test_reply = $(LIB_event)
UNIT_test_ipc = procsrv/ipc
UNIT_test_grant = common/grant common/grant_text common/keymake $(KEY) common/log
UNITLIB_test_grant = $(LIB_tls)
UNIT_test_bounds = $(addprefix procsrv/,bounds bounds_sum proc proc_parse) common/buf
UNIT_test_spawn = procsrv/spawn procsrv/where procsrv/address common/log
UNIT_test_bytecode = common/bytecode common/gdb_reg
UNIT_test_debugreg = procsrv/debugreg procsrv/debugreg_x86
UNIT_test_build_id = procsrv/reader_elf
# The monitor's own loop is included; in place of spawn.c and the clock stand others.
UNIT_test_monitor_times = procsrv/monitor_conn procsrv/monitor_session procsrv/monitor_audit procsrv/monitor_resume procsrv/monitor_watch procsrv/session_secret $(RECORD) procsrv/address procsrv/ipc \
	procsrv/ipc_check procsrv/bounds_sum $(SESSION_DIR) $(USERMAP) $(KEY) common/keymake common/err common/log
UNITLIB_test_monitor_times = $(LIB_tls)

# Breakpoints.
UNIT_test_disasm = host/engine/disasm host/engine/decoder
UNITLIB_test_disasm = $(LIB_insn)
UNIT_test_insn = host/engine/insn host/engine/decoder
UNITLIB_test_insn = $(LIB_insn)
UNIT_test_locate_name = host/sym/locate_name

# GDB's remote protocol: what LLDB has more.
UNIT_test_rsp_lldb_regs = host/rsp/rsp_lldb_regs host/rsp/rsp_packet common/buf
# the whole bridge but its listening
UNIT_test_rsp_lldb = $(filter-out %/rsp_serve %/rsp_listen,$(RSP)) $(RSP_ENGINE) tests/unit/rsp_bridge
UNITLIB_test_rsp_lldb = -ljansson
UNIT_test_rsp_lldb_box = $(UNIT_test_rsp_lldb)
UNITLIB_test_rsp_lldb_box = -ljansson
$(foreach t,objects memory life regs commands,$(eval UNIT_test_rsp_$(t) = $(UNIT_test_rsp_lldb)) $(eval UNITLIB_test_rsp_$(t) = -ljansson))

# GDB's remote protocol.
UNIT_test_rsp_frame = host/rsp/rsp_frame common/buf
UNIT_test_rsp_printf = host/rsp/rsp_printf common/buf
UNIT_test_rsp_packet = host/rsp/rsp_packet host/rsp/rsp_features host/rsp/rsp_signal common/buf

include tests/interop/interop.mk
