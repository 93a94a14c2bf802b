"""The devices of the simulated site, as their makers' documents describe them.

Written from the MIBs and register lists by hand, never from dcmon's own profiles: a mistake there must show here.
An SNMP device is a function that gives its whole MIB as it reads now; a Modbus device is a function that answers one
read. Both are built once with the plant and the asset's id.
"""
