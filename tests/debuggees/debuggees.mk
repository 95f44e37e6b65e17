# Programs to be looked at.  They are compiled as their users would, not with
# our own flags: $(1) name, $(2) source, $(3) flags, $(4) more prerequisites.

DEBUGGEES = $(BUILD)/debuggees
D = tests/debuggees

define debuggee
$(DEBUGGEES)/$(1): $(D)/$(2) $(D)/debuggee.h $(D)/debuggees.mk $(4)
	@mkdir -p $$(@D)
	$$(call say,DBG,$(1))
	$$(Q)$(if $(filter %.cc,$(2)),g++ -std=c++17,gcc -std=gnu17 -D_GNU_SOURCE) -g -Wall -Wextra -pthread $(3) -o $$@ $$< $(5)
debuggees: $(DEBUGGEES)/$(1)
endef

$(eval $(call debuggee,sleepers,sleepers.c,-O0))
$(eval $(call debuggee,sleepers-O2,sleepers.c,-O2))
$(eval $(call debuggee,sleepers-nofp,sleepers.c,-O2 -fomit-frame-pointer))
$(eval $(call debuggee,sleepers-nopie,sleepers.c,-O1 -no-pie))
$(eval $(call debuggee,sleepers-static,sleepers.c,-O0 -static))
$(eval $(call debuggee,sleepers-static-pie,sleepers.c,-O2 -static-pie))
$(eval $(call debuggee,sleepers-stripped,sleepers.c,-O2 -s))
$(eval $(call debuggee,sleepers-dwarf4,sleepers.c,-O2 -gdwarf-4))
$(eval $(call debuggee,inlined,inlined.c,-O2))
$(eval $(call debuggee,inlined-O3,inlined.c,-O3))
$(eval $(call debuggee,sigframe,sigframe.c,-O0))
$(eval $(call debuggee,sigframe-O2,sigframe.c,-O2))
$(eval $(call debuggee,linestart,linestart.c,-O0))
$(eval $(call debuggee,linestart-O2,linestart.c,-O2))
$(eval $(call debuggee,faults,faults.c,-O1))
$(eval $(call debuggee,deep,deep.c,-O1 -fno-optimize-sibling-calls))
$(eval $(call debuggee,dlopened,dlopened.c,-O1,,-ldl))
$(eval $(call debuggee,libplugin.so,plugin.c,-O2 -shared -fPIC -fno-optimize-sibling-calls))
$(eval $(call debuggee,libnodebug.so,plugin.c,-O2 -shared -fPIC -s -fno-optimize-sibling-calls))
$(eval $(call debuggee,plt,plt.c,-O1,$(DEBUGGEES)/libnodebug.so,-L$(DEBUGGEES) -lnodebug -Wl$(comma)-rpath$(comma)'$$$$ORIGIN'))
$(eval $(call debuggee,vdso,vdso.c,-O1))
$(eval $(call debuggee,smashed,smashed.c,-O0))
$(eval $(call debuggee,jumped,jumped.c,-O2))
$(eval $(call debuggee,nullcall,nullcall.c,-O2))
$(eval $(call debuggee,nocfi,nocfi.c,-O1))
$(eval $(call debuggee,noreturn,noreturn.c,-O2))
$(eval $(call debuggee,names,names.cc,-O0))
$(eval $(call debuggee,names-O2,names.cc,-O2))
$(eval $(call debuggee,hostile_names,hostile_names.c,-O1))
$(eval $(call debuggee,counter,counter.c,-O1))
$(eval $(call debuggee,churn,churn.c,-O1))
$(eval $(call debuggee,memory,memory.c,-O1))
$(eval $(call debuggee,awkward,awkward.c,-O1))
$(eval $(call debuggee,events,events.c,-O1))
$(eval $(call debuggee,signals,signals.c,-O1))
$(eval $(call debuggee,kin,kin.c,-O1))
$(eval $(call debuggee,changes,changes.c,-O1))
$(eval $(call debuggee,becomes,becomes.c,-O1))
$(eval $(call debuggee,odd,odd.c,-O1))
$(eval $(call debuggee,patched,patched.c,-O1))

.PHONY: debuggees
