# procsrv -- see README for the two commands (make demo, make check).
#
# A folder is a trust room, a binary is a link line: each program's objects
# stand below, one list each.

PREFIX	   ?= /usr/local
DESTDIR    ?=
SAN	   ?=
BUILD	   ?= build$(if $(SAN),-san)
CC	   ?= gcc
PKG_CONFIG ?= pkg-config
VERSION    := 0.1

BINDIR	   = $(PREFIX)/bin
LIBEXECDIR = $(PREFIX)/libexec/procsrv
SYSCONFDIR = /etc

STRICT = -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wpointer-arith -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wvla -Wformat=2 -Wundef -Werror
HARDEN = -fstack-protector-strong -fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=2)
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE $(STRICT) $(HARDEN) -ffunction-sections -fdata-sections -I. \
	-DPROCSRV_VERSION='"$(VERSION)"' \
	$(CFLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
ALL_LDFLAGS = -pie -Wl,--gc-sections,-z,relro,-z,now,--as-needed $(LDFLAGS) $(if $(SAN),-fsanitize=$(SAN))

LIB_event   = -levent_core
LIB_pthread = -levent_pthreads -lpthread
LIB_crypto  = -lmbedcrypto
LIB_tls	    = -lmbedtls -lmbedx509 -lmbedcrypto
LIB_seccomp = -lseccomp
LIB_dw	    = -ldw -lelf -liberty -lz
LIB_insn    = -lcapstone

Q = $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))

# ---- what is linked to what ------------------------------------------------

WIRE = common/buf common/err common/wire common/wire_form common/wire_dump common/frame common/chan common/clock common/heart common/log
KEY = common/key common/proof common/buf common/fingerprint
TLS = common/tls common/tls_remote
ARCH = common/arch common/arch_x86_64 common/arch_i386 common/arch_x86
# everything symbolic: what calls elfutils
SYMBOLS = $(addprefix host/sym/,symbols sym_lookup extent code names locate locate_name locate_inlined prologue prologue_x86 ifunc module symfile symfind fetch debuginfod elf_image elf_class \
	symtab plt demangle dwarf_index die_name line pcinfo pcmap strpool cfi cfi_expr saved unwind \
	unwind_guess type type_read type_detail name_index scope frame look_up dwarf_expr dwarf_arith dw_entry place tls spot returns) host/arena host/dirs
EXPR = $(addprefix host/expr/,lex parse parse_literal parse_type value convert operate member assign registers name eval \
	store print print_scalar print_string print_type ax compile compile_object) common/gdb_reg
# the engine above link and symbols
ENGINE = $(addprefix host/engine/,engine engine_events event_apply server process facts files attach launch \
	target target_mem target_threads target_symbols target_procsrv target_snapshot memcache maps \
	threads regs link_map stack source run decide held flight raw raw_patch raw_stop raw_mem raw_link target_run patches insn handling \
	change mapping disassemble disasm decoder breakpoint breakpoint_place breakpoint_stop ifunc catchpoint condition rendezvous watchpoint watch_value asking values tls stack_args \
	step step_where step_code step_hook step_plan step_line step_insn step_value finish return) host/arena $(EXPR) $(ARCH)
USERMAP = $(addprefix procsrv/,usermap usermap_words usermap_bounds usermap_grant usermap_revoked trusted_file) common/grant common/duration common/fingerprint

# the directories of sessions, as their makers and their readers see them
SESSION_DIR = procsrv/run_dir procsrv/session_dir procsrv/session_walk procsrv/session_record
# the record in a file
RECORD = $(addprefix procsrv/,audit_line audit_chain audit_keep audit_spool journal)
# what one -t means, before anything listens
FRONT = procsrv/front procsrv/listen procsrv/address procsrv/listening procsrv/run_dir procsrv/child \
	procsrv/where common/transport common/fingerprint common/buf common/log

# Programs of the target side, by their place below PREFIX.  OBJ_name lists the objects
# a program links, LIB_name the libraries.
PROGS_TARGET = bin/procsrv $(addprefix libexec/procsrv/,procsrv-listener procsrv-monitor procsrv-conn \
	procsrv-guard procsrv-tracer procsrv-reader procsrv-launch procsrv-keygen procsrv-admin procsrv-audit)
# the command: understands its options, then becomes one of the others
OBJ_procsrv = procsrv/procsrv procsrv/options $(FRONT)
OBJ_procsrv-admin = procsrv/admin procsrv/status procsrv/release procsrv/mend procsrv/spawn $(REPAIR) \
	procsrv/audit_keep \
	procsrv/traced procsrv/session_list \
	procsrv/session_walk procsrv/session_record procsrv/usermap_describe $(USERMAP) $(FRONT) common/clock \
	common/key common/grant_text
LIB_procsrv-admin = $(LIB_crypto)
# the record, for who reads it, and what sessions left for it
OBJ_procsrv-audit = procsrv/audit procsrv/audit_check $(RECORD) procsrv/session_list $(SESSION_DIR) common/err common/log
LIB_procsrv-audit = $(LIB_crypto)
OBJ_procsrv-listener = procsrv/listener procsrv/limits procsrv/child procsrv/address procsrv/notify \
	procsrv/where common/clock common/log
LIB_procsrv-listener = $(LIB_event)
# the crypto half only: nothing here parses a certificate
OBJ_procsrv-monitor = procsrv/monitor procsrv/monitor_conn procsrv/monitor_session procsrv/monitor_audit \
	procsrv/monitor_resume procsrv/monitor_watch procsrv/session_secret $(RECORD) \
	procsrv/spawn procsrv/where procsrv/address procsrv/ipc procsrv/ipc_check $(SESSION_DIR) \
	$(USERMAP) procsrv/bounds_sum $(KEY) common/err common/clock common/log
LIB_procsrv-monitor = $(LIB_crypto)
OBJ_procsrv-conn = procsrv/conn procsrv/conn_link procsrv/conn_relay procsrv/greet procsrv/sandbox \
	procsrv/ipc procsrv/ipc_check $(TLS) $(KEY) $(WIRE)
LIB_procsrv-conn = $(LIB_event) $(LIB_tls) $(LIB_seccomp)
OBJ_procsrv-keygen = procsrv/keygen procsrv/where common/keymake common/key common/fingerprint common/buf common/log
LIB_procsrv-keygen = $(LIB_tls)
# what a journal says, and putting it right
REPAIR = $(addprefix procsrv/,journal repair repair_thread proc_parse machine_x86 operand_x86 debugreg debugreg_x86)
OBJ_procsrv-guard = procsrv/guard procsrv/guard_link procsrv/guard_record procsrv/keeper procsrv/lease procsrv/audit_line procsrv/audit_keep procsrv/bounds_sum $(REPAIR) procsrv/ipc procsrv/ipc_check common/log common/err common/clock
OBJ_procsrv-tracer = procsrv/tracer procsrv/loss procsrv/serve procsrv/serve_keep procsrv/serve_send procsrv/serve_link procsrv/reply \
	procsrv/greet procsrv/open procsrv/target \
	procsrv/trace_thread procsrv/trace_wait procsrv/burst procsrv/watch procsrv/trace_stop procsrv/trace_regs procsrv/trace_mem \
	procsrv/trace_snapshot procsrv/snapshot_plan procsrv/recipe procsrv/reader_ps procsrv/reader_maps \
	$(addprefix procsrv/,run go hit pass patch patch_set slot inject machine_x86 operand_x86 \
	debugreg debugreg_x86 caught kin change mapping) common/bytecode common/gdb_reg \
	procsrv/reader_elf procsrv/reading procsrv/hanging procsrv/touch procsrv/proc procsrv/proc_parse procsrv/bounds procsrv/refuse \
	procsrv/dying procsrv/journal procsrv/repair procsrv/repair_thread \
	procsrv/launch procsrv/launch_io procsrv/launch_text procsrv/launch_child \
	procsrv/ipc procsrv/ipc_check $(WIRE)
LIB_procsrv-tracer = $(LIB_event)
# what may block outside our control
OBJ_procsrv-reader = procsrv/reader $(addprefix procsrv/reader_,ps maps elf path file store text touch) procsrv/proc \
	procsrv/proc_parse procsrv/bounds procsrv/refuse procsrv/reply $(filter common/buf common/err common/wire common/wire_form common/log,$(WIRE))
OBJ_procsrv-launch = procsrv/launcher common/log

# The host's link to a server: transports, calls, events, errors.
HOST_LINK = $(addprefix host/link/,rpc rpc_call rpc_in rpc_open rpc_out rpc_resume inbox connect connect_exec \
	connect_tls tls_text child dial find_procsrv boxes known_boxes config_file hostkey hostgrant) \
	common/grant common/grant_text common/duration host/dirs host/errtext host/errtable common/transport common/keymake common/key_seal

# and of the host side
PROGS_HOST = bin/hdb
LIBHOSTENG = $(ENGINE) $(HOST_LINK) $(SYMBOLS) $(TLS) $(KEY) $(WIRE)
LIB_hosteng = $(LIB_event) $(LIB_pthread) $(LIB_tls) $(LIB_dw) $(LIB_insn)
# the front end; it sees the engine through host/hosteng.h alone
HDB = $(addprefix host/hdb/,hdb askpass options console complete cmd cmd_table cmd_process cmd_thread \
	cmd_stack cmd_data cmd_x cmd_disassemble code mixed cmd_code cmd_info cmd_run program relay front front_frame front_event again numbers address examine \
	sign auxv processes show show_table screen lines convenience cmd_names cmd_shell cmd_printf cmd_help cmd_support cmd_table_info cmd_table_set progress json \
	cmd_break cmd_break_change break_spec break_show cmd_catch settings actions query stop syscalls syscall_groups cmd_step cmd_print cmd_display display)
# GDB's remote protocol, another front end in the same program
RSP = $(addprefix host/rsp/,rsp_table rsp_frame rsp_packet rsp_reply rsp_process rsp_general rsp_features rsp_regs \
	rsp_memory rsp_break rsp_command rsp_printf rsp_signal rsp_stop rsp_run rsp_queue rsp_go rsp_pass rsp_again rsp_alive rsp_resume rsp_settings rsp_launch rsp_life rsp_terminal \
	rsp_session rsp_listen rsp_serve rsp_tls) common/bytecode
RSP += $(addprefix host/rsp/,rsp_lldb rsp_lldb_reg rsp_lldb_regs rsp_lldb_ps rsp_lldb_memory \
	rsp_lldb_stop rsp_lldb_modules rsp_lldb_launch rsp_lldb_stdio \
	rsp_lldb_file rsp_lldb_platform)
RSP += $(addprefix host/rsp/,rsp_file rsp_files rsp_looks rsp_cache rsp_build_id rsp_xfer rsp_objects rsp_siginfo rsp_osdata rsp_osdata_net rsp_monitor)
LIB_console = -ledit -ljansson $(LIB_seccomp)
OBJ_hdb = $(HDB) $(RSP)
LIB_hdb = $(LIB_hosteng) $(LIB_console)

# ---- rules -------------------------------------------------------------------

.SUFFIXES:
.SECONDEXPANSION:
.DELETE_ON_ERROR:

obj = $(patsubst %,$(BUILD)/obj/%.o,$(1))
BIN = $(BUILD)/bin
LIBEXEC = $(BUILD)/libexec/procsrv
PROGS = $(PROGS_TARGET) $(PROGS_HOST)

.DEFAULT_GOAL = all
all: $(patsubst %,$(BUILD)/%,$(PROGS))

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# What runs on other people's machines is to be small, unless whoever builds it says how; its
# unwind tables are where its debug information is.
SMALL = $(if $(filter file,$(origin CFLAGS)),-Os) -fno-asynchronous-unwind-tables
$(BUILD)/obj/procsrv/%.o $(BUILD)/obj/common/%.o: ALL_CFLAGS += $(SMALL)

# the compiled-in paths are known to one file, which another PREFIX makes anew
$(BUILD)/obj/procsrv/where.o: ALL_CFLAGS += -DLIBEXECDIR='"$(LIBEXECDIR)"' -DSYSCONFDIR='"$(SYSCONFDIR)"'
$(BUILD)/obj/host/link/find_procsrv.o: ALL_CFLAGS += -DBINDIR='"$(BINDIR)"'
$(BUILD)/obj/procsrv/where.o $(BUILD)/obj/host/link/find_procsrv.o: $(BUILD)/paths
$(BUILD)/paths: FORCE
	@mkdir -p $(@D)
	@echo '$(LIBEXECDIR) $(SYSCONFDIR)' | cmp -s - $@ || echo '$(LIBEXECDIR) $(SYSCONFDIR)' >$@
FORCE:

# a program: $(1) path below BUILD, $(2) objects, $(3) libraries
define program
$(BUILD)/$(1): $(call obj,$(2))
	@mkdir -p $$(@D)
	$$(call say,LD,$(1))
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$^ $(3)
endef

$(foreach p,$(PROGS),$(eval $(call program,$(p),$(OBJ_$(notdir $(p))),$(LIB_$(notdir $(p))))))

# the host engine, for hdb and whoever else wants one
$(BUILD)/libhosteng.a: $(call obj,$(sort $(LIBHOSTENG)))
	$(call say,AR,$(@F))
	$(Q)rm -f $@ && ar rcs $@ $^
$(BUILD)/bin/hdb: $(BUILD)/libhosteng.a

# unit tests: one program per file; UNIT_name lists the objects it links, UNITLIB_name the libraries
UNITS = $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
include tests/tests.mk

$(foreach u,$(UNITS),$(eval $(call program,unit/$(u),tests/unit/$(u) $(UNIT_$(u)),-lcmocka $(UNITLIB_$(u)))))

units: $(patsubst %,$(BUILD)/unit/%,$(UNITS))

clean:
	rm -rf $(BUILD)

# ---- installing ------------------------------------------------------------------

MANDIR = $(PREFIX)/share/man
COMPLETIONDIR = $(PREFIX)/share/bash-completion/completions
UNITDIR = $(PREFIX)/lib/systemd/system
SHAREDIR = $(PREFIX)/share/procsrv
KEYDIR = $(SYSCONFDIR)/procsrv
MANPAGES = $(wildcard man/*.[1-8])
# Executable, not readable: the kernel then keeps their users from debugging them.
UNREADABLE = procsrv-conn procsrv-guard procsrv-tracer procsrv-reader
# Users, directories and units are this machine's only when root installs without DESTDIR.
IN_PLACE = [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]

install: all
	$(call say,INST,$(DESTDIR)$(PREFIX))
	$(Q)install -d $(addprefix $(DESTDIR),$(BINDIR) $(LIBEXECDIR) $(UNITDIR) $(PREFIX)/lib/sysusers.d \
		$(PREFIX)/lib/tmpfiles.d $(COMPLETIONDIR) $(sort $(foreach m,$(MANPAGES),$(MANDIR)/man$(subst .,,$(suffix $(m))))))
	$(Q)$(foreach p,$(PROGS),install -m $(if $(filter $(UNREADABLE),$(notdir $(p))),0711,0755) \
		$(BUILD)/$(p) $(DESTDIR)$(PREFIX)/$(p) &&) true
	$(if $(PROGS_HOST),$(Q)install -D -m 0644 $(BUILD)/libhosteng.a $(DESTDIR)$(PREFIX)/lib/libhosteng.a && \
		install -D -m 0644 host/hosteng.h $(DESTDIR)$(PREFIX)/include/hosteng.h && \
		install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig && \
		sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|; s|@LIBS@|$(LIB_hosteng)|' host/hosteng.pc.in \
			>$(DESTDIR)$(PREFIX)/lib/pkgconfig/hosteng.pc && \
		chmod 0644 $(DESTDIR)$(PREFIX)/lib/pkgconfig/hosteng.pc)
	$(Q)$(foreach m,$(MANPAGES),install -m 0644 $(m) $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(m)))/ &&) true
	$(Q)install -m 0644 host/hdb/hdb.bash $(DESTDIR)$(COMPLETIONDIR)/hdb
	$(Q)install -m 0644 systemd/procsrv.socket $(DESTDIR)$(UNITDIR)/
	$(Q)sed 's|/usr/local|$(PREFIX)|' systemd/procsrv.service >$(DESTDIR)$(UNITDIR)/procsrv.service
	$(Q)chmod 0644 $(DESTDIR)$(UNITDIR)/procsrv.service
	$(Q)install -D -m 0644 systemd/launch.conf $(DESTDIR)$(SHAREDIR)/launch.conf
	$(Q)install -m 0644 systemd/allow-root.conf $(DESTDIR)$(SHAREDIR)/
	$(Q)install -m 0644 systemd/procsrv.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/procsrv.conf
	$(Q)install -m 0644 systemd/procsrv.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/procsrv.conf
	$(Q)if [ -n "$(DESTDIR)" ] || [ "$$(id -u)" = 0 ]; then \
		install -d -m 0700 $(DESTDIR)$(KEYDIR) && \
		{ [ -e $(DESTDIR)$(KEYDIR)/authorized_keys ] || \
			install -m 0600 systemd/authorized_keys $(DESTDIR)$(KEYDIR)/; }; \
	fi
	$(Q)if $(IN_PLACE); then systemd/setup.sh $(PREFIX) $(KEYDIR); fi

# Map, key and the user of the network side stay.
uninstall:
	$(Q)if $(IN_PLACE) && [ -d /run/systemd/system ]; then \
		systemctl disable --now procsrv.socket procsrv.service; fi
	$(Q)rm -f $(foreach p,$(PROGS),$(DESTDIR)$(PREFIX)/$(p)) $(DESTDIR)$(PREFIX)/lib/libhosteng.a \
		$(DESTDIR)$(PREFIX)/include/hosteng.h $(DESTDIR)$(PREFIX)/lib/pkgconfig/hosteng.pc \
		$(foreach m,$(MANPAGES),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(m)))/$(notdir $(m))) \
		$(addprefix $(DESTDIR)$(UNITDIR)/,procsrv.socket procsrv.service) \
		$(DESTDIR)$(COMPLETIONDIR)/hdb \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d/procsrv.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/procsrv.conf \
		$(addprefix $(DESTDIR)$(SHAREDIR)/,launch.conf allow-root.conf)
	$(Q)rmdir $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(SHAREDIR) || true
	$(Q)if $(IN_PLACE) && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi

include debian/deb.mk

# ---- looking at it ------------------------------------------------------------------

# who may see what; see tests/rooms.sh
rooms: all
	$(Q)tests/rooms.sh $(BUILD)

# how much of it; first what strangers reach with rights to lose
PRIVILEGED = procsrv-listener procsrv-monitor
lines:
	@{ $(foreach p,$(PRIVILEGED) $(filter-out $(PRIVILEGED),$(notdir $(PROGS_TARGET))), \
		echo '$(p) $(OBJ_$(p):=.c)';) } | tests/lines.sh $(PRIVILEGED)

lint:
	$(Q)tests/deps.sh lint
	$(Q)BUILD=$(BUILD) tests/lint.sh

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

.PHONY: FORCE all units clean install uninstall rooms lines lint
