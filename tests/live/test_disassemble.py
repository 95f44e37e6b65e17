# SPDX-License-Identifier: BSD-2-Clause
"""Instructions (x/i, disassemble, display/i) beside gdb's: the same addresses, marks, instructions, source lines and
targets; their operands are written as capstone writes them."""

import json
import re

import pytest

import beside

PROGRAMS = ['steps', pytest.param('steps-i386', marks=pytest.mark.i386)]
FUNCTIONS = ['add', 'fact', 'plain', 'choose', 'on_stack', 'halved', 'main']


def code(text):
    """The lines of instructions (mark and address, how the name begins, the target's symbol) and of the source between them."""
    found = []
    for line in text[text.index('Breakpoint 1, '):].splitlines():
        if m := re.match(r'((?:=>|  ) ?0x\w+(?: <.*?>)?):\t((?:[0-9a-f]{2} ?)+\s*\t)?(\S+)(.*)', line):
            target = re.search(r'<[^%]*>$', m[4])
            found.append((m[1], (m[2] or '').strip(), m[3][:2], target and target[0]))
        elif re.match(r'(Dump of|End of) assembler|Address range|\d+\t|\S+\.c:$', line):
            found.append(line.rstrip())
    return found


@pytest.mark.once
@pytest.mark.parametrize('program', PROGRAMS)
def test_functions_are_disassembled_as_in_gdb(hdb, tmp_path, program):
    commands = ['break plain', 'run', *[f'disassemble {how} {f}' for how in ('', '/r', '/s', '/m', '/rs') for f in FUNCTIONS],
                'disassemble']
    ours, theirs = code(beside.script(hdb, program, *commands)), code(beside.gdb(tmp_path, program, *commands))
    assert ours == theirs and len(ours) > 1000


@pytest.mark.once
@pytest.mark.parametrize('program', PROGRAMS)
def test_places_are_given_as_in_gdb(hdb, tmp_path, program):
    # What is planted is not seen.
    commands = ['break add', 'break *fact', 'run', 'x/i $pc', 'x/3i $pc', 'x', 'x/2i add', 'x/2i &plain', 'disassemble add,+9',
                'disassemble add, add + 9', 'disassemble /r $pc,+1', 'up', 'x/2i $pc', 'disassemble', 'x/2i add']
    ours, theirs = code(beside.script(hdb, program, *commands)), code(beside.gdb(tmp_path, program, *commands))
    assert ours == theirs and len(ours) > 50


@pytest.mark.once
def test_both_syntaxes_are_there(hdb):
    out = beside.script(hdb, 'steps', 'break plain', 'run', 'set disassembly-flavor intel', 'x/4i plain',
                        'show disassembly-flavor', 'set disassembly-flavor att', 'x/4i plain')
    intel, att = out.split('The disassembly flavor is "intel".')
    assert re.search(r'mov +rbp, rsp$', intel, re.M) and '%' not in intel.split('Breakpoint 1, ')[1]
    assert re.search(r'movq? +%rsp, %rbp$', att, re.M)


@pytest.mark.once
@pytest.mark.parametrize('program', PROGRAMS)
def test_memory_and_instructions_are_displayed_at_every_stop(hdb, tmp_path, program):
    commands = ['break add', 'run', 'display/i $pc', 'display/2xw $sp', 'display/3i $pc', 'info display', 'stepi', 'stepi',
                'undisplay 2', 'next', 'display']

    def shown(text):
        # A script of gdb's is not shown them at once.
        text = text[text.index('1:   y '):]
        # Not what is on the stack, and operands.
        return [re.sub(r'^(0x\w+:\t).*|^(..? ?0x\w+ <.*?>):\t.*', r'\2', line) for line in text.splitlines()
                if re.match(r'(=>|  ) ?0x|\d: |\d: +y |0x\w+:\t', line)]
    ours, theirs = shown(beside.script(hdb, program, *commands)), shown(beside.gdb(tmp_path, program, *commands))
    assert ours == theirs and len(ours) > 20


@pytest.mark.once
def test_a_program_reads_it_as_json(hdb):
    out = beside.script(hdb, 'steps', 'break plain', 'run', 'disassemble -json', 'disassemble /r plain')
    said = json.loads(next(line for line in out.splitlines() if line.startswith('{')))
    rows = re.findall(r'^(?:=>|  ) (0x\w+) <\+(\d+)>:\t((?:[0-9a-f]{2} ?)+)', out, re.M)
    assert said['function'] == 'plain' and int(said['entry'], 16) == int(rows[0][0], 16)
    assert [(int(i['address'], 16), str(i['offset']), i['bytes']) for i in said['instructions']] == \
        [(int(a, 16), n, b.replace(' ', '')) for a, n, b in rows]
    calls = [i['target_symbol'] for i in said['instructions'] if i['text'].startswith('call') and i['target']]
    assert calls[:3] == ['add'] * 3 and 'qsort@plt' in calls
    assert {i['file'] for i in said['instructions']} == {'tests/debuggees/steps.c'}


@pytest.mark.once
def test_code_that_is_not_there_is_missed(hdb):
    r = hdb('-batch', '-ex', 'x/i 0', '--', beside.path('steps'))
    assert r.status == 1 and 'Cannot access memory at address 0x0' in r.err
    r = hdb('-batch', '-ex', 'disassemble 0', '--', beside.path('steps'))
    assert r.status == 1 and 'No function contains specified address.' in r.err
