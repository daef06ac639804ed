"""Words that the invented people of a bulk seed are made of: names, topics, and what they say."""

_FIRST_NAMES = """
    ada ahmed alice amir ana anna ben bob carla chen clara david dina elena emil emma eva felix finn grace hana hugo ida
    ines ivan jana jonas kai karim lara lea leo lina luis maja marco maria max mia milan mira nina noah nora olga oscar paul
    pia rana rosa ruth sam sara sofia tara theo tim uma vera yara zoe
"""
_LAST_NAMES = """
    ahmed baker bauer brown cohen costa diaz evans fischer garcia green haddad hansen ito jensen kim klein kumar larsen lee
    lopez martin meyer moreau mueller nguyen novak okafor patel perez rossi santos sato schmidt silva singh smith suzuki
    tanaka weber wong
"""
_TOPICS = """
    Release Kitchen Book On-call Running Lunch Support Design Office Travel Garden Music Chess Budget Hiring Launch
"""
_SPOKEN = """
    the a we you I it that this is was will can should have need think know see want try make send call find ask tell leave
    keep month table index query server release meeting ticket branch build test report plan lunch train key book kitchen
    coffee photo link number name screen and but so because when then after before again still maybe really quickly today
    tomorrow tonight early late new old slow fast green red done ready open broken fine good great sorry thanks please yes
    no not at on in for with from about without until
"""
FIRST_NAMES = _FIRST_NAMES.split()
LAST_NAMES = _LAST_NAMES.split()
TOPICS = _TOPICS.split()
SPOKEN = _SPOKEN.split()
