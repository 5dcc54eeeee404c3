"""Non-negative matrix factorisation: dictionaries of what stems sound like, and mixtures taken apart with them::

    drill = unbraid.nmf.learn({"drill": ten_seconds_of_it_alone}, 48000)
    stems = unbraid.nmf.separate(recording, 48000, drill, rest="speech")    # {"drill": …, "speech": …}

The classical separator, beside the networks: it hears whole signals, learns in seconds from seconds, and knows only
how spectra look, not how they follow on one another. Worth it for a *known* disturbance that no network has a stem for.
It needs the extra: `pip install 'unbraid[nmf]'`.
"""

from __future__ import annotations

from .dictionaries import Dictionaries, learn
from .separation import separate

__all__ = ["Dictionaries", "learn", "separate"]
