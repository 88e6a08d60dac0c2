{% include "page.js" %}
{% include "nights.js" %}
{% include "finds.js" %}
